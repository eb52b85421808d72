import { DAY } from 'shipit-capistrano'
import type { Deployment } from './deployment.js'

/** Defines `net_storage:cleanup`. */
export function defineCleanUp(deployment: Deployment): void {
  const { shipit, dsl } = deployment
  const { task, desc, after, on, leftOut, flow } = dsl

  desc('Removes archives that nobody has a release of', { runsOn: 'deploy machine and servers' })
  task('net_storage:cleanup', [], async () => {
    if (flow() === 'rollback') return
    // shipit-deploy removes the one that it made, and no other.
    const { keepWorkspace, shallowClone } = shipit.config
    const { hosts, deployTo, archivesPath, settings, store, archivesInUse, localFolder, workspace } =
      deployment
    try {
      const clean = deployment.script('clean').with({ deploy_to: deployTo, archives_path: archivesPath })
      const facts = await on(hosts, (host) => host.script(clean))
      await localFolder.clean(keepWorkspace || shallowClone === false ? undefined : workspace.name)
      if (leftOut().length > 0) {
        shipit.log('Storage is not cleaned up: only all servers together tell what is in use.')
        return
      }
      await archivesInUse.replace(new Set(facts.flatMap(({ revision = [] }) => revision)))
      for (const key of await store.clean(settings.keepRemoteArchives, await archivesInUse.all()))
        shipit.log(`Removed ${key} from storage.`)
      const unfinished = await settings.transport.removeUnfinished?.(new Date(Date.now() - DAY))
      for (const name of unfinished ?? [])
        shipit.log(`Removed the unfinished upload of ${name} from storage.`)
    } catch (error) {
      // What is live is live: an archive too many is no reason to call the deploy failed.
      shipit.log(
        `Warning: old archives could not be removed everywhere; the next deploy tries again.\n${String(error)}`,
      )
    }
  })
  // Of the phases of a deploy, a shipitfile's own list knows nothing.
  after('deploy:clean', 'net_storage:cleanup')
}
