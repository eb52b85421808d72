import { DAY, type Ask } from 'shipit-capistrano'
import type { Deployment } from '../deployment.js'
import { serverScript } from '../servers/scripts.js'

/** Removes archives that no release uses, on servers and in storage, and the release tree on this machine. */
export async function cleanUp(deployment: Deployment, ask: Ask): Promise<void> {
  const { shipit, plugin, run, hosts, archivesPath, settings, store, archivesInUse } = deployment
  if (run.kind === 'rollback') return
  const { localFolder, workspace } = deployment
  // Like shipit-deploy, which removes only a workspace that it created.
  const { keepWorkspace, shallowClone } = shipit.config
  try {
    const clean = serverScript('clean').with({ deploy_to: plugin.deployTo(), archives_path: archivesPath })
    const facts = await ask(hosts, (host) => host.script(clean))
    await localFolder.clean(keepWorkspace || shallowClone === false ? undefined : workspace.name)
    if (plugin.leftOut().length > 0) {
      shipit.log(
        'Storage is not cleaned up with HOSTS or ROLES: that needs all servers, to find what is in use.',
      )
      return
    }
    await archivesInUse.replace(new Set(facts.flatMap(({ revision = [] }) => revision)))
    for (const key of await store.clean(settings.keepRemoteArchives, await archivesInUse.all()))
      shipit.log(`Removed ${key} from storage.`)
    const unfinished = await settings.transport.removeUnfinished?.(new Date(Date.now() - DAY))
    for (const name of unfinished ?? []) shipit.log(`Removed the unfinished upload of ${name} from storage.`)
  } catch (error) {
    // The release is live: leftover archives must not fail the deploy.
    shipit.log(
      `Warning: could not remove all old archives; the next deploy will try again.\n${String(error)}`,
    )
  }
}
