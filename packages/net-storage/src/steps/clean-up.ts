import { DAY } from 'shipit-capistrano'
import type { Deployment } from '../deployment.js'
import { serverScript } from '../servers/scripts.js'

/** Removes archives that nobody has a release of, on servers and in storage, and what this machine built. */
export async function cleanUp(deployment: Deployment): Promise<void> {
  const { shipit, dsl, plugin, run, hosts, archivesPath, settings, store, archivesInUse } = deployment
  if (run.kind === 'rollback') return
  const { localFolder, workspace } = deployment
  // shipit-deploy removes the one that it made, and no other.
  const { keepWorkspace, shallowClone } = shipit.config
  try {
    const clean = serverScript('clean').with({ deploy_to: plugin.deployTo(), archives_path: archivesPath })
    const facts = await dsl.on(hosts, (host) => host.script(clean))
    await localFolder.clean(keepWorkspace || shallowClone === false ? undefined : workspace.name)
    if (plugin.leftOut().length > 0) {
      shipit.log('Storage is not cleaned up: only all servers together tell what is in use.')
      return
    }
    await archivesInUse.replace(new Set(facts.flatMap(({ revision = [] }) => revision)))
    for (const key of await store.clean(settings.keepRemoteArchives, await archivesInUse.all()))
      shipit.log(`Removed ${key} from storage.`)
    const unfinished = await settings.transport.removeUnfinished?.(new Date(Date.now() - DAY))
    for (const name of unfinished ?? []) shipit.log(`Removed the unfinished upload of ${name} from storage.`)
  } catch (error) {
    // What is live is live: an archive too many is no reason to call the deploy failed.
    shipit.log(
      `Warning: old archives could not be removed everywhere; the next deploy tries again.\n${String(error)}`,
    )
  }
}
