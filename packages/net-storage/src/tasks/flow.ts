import { findBuilders } from './builders.js'
import type { Deployment } from './deployment.js'
import { installedTwice } from './installed-twice.js'

/** Puts net-storage's tasks where shipit-deploy has its own, with the events that belong there. */
export function replaceFlow(deployment: Deployment): void {
  const { shipit, dsl } = deployment
  const { replace, desc, invoke, on, plansRevision } = dsl

  desc('Names the workspace, and makes it early where something builds in it', {
    runsOn: 'deploy machine',
  })
  replace('deploy:fetch', ['net_storage:prepare_mirror_repository'], async () => {
    const { workspace, pulling } = deployment
    const { config } = shipit
    const builders = findBuilders(deployment)
    if (pulling) {
      if (builders.length > 0)
        shipit.log(
          `Nothing is built: the archive in storage is deployed, whatever ${builders.join(', ')} may do.`,
        )
      return
    }
    workspace.builders = builders
    if (config.shallowClone === false && config.workspace && config.workspace !== workspace.path)
      shipit.log(`The workspace is ${workspace.path}; ${config.workspace} of the settings is not used.`)
    shipit.workspace = workspace.path
    // Where shipit-npm and its like build.
    config.workspace = workspace.path
    if (builders.length > 0)
      shipit.log(`The workspace is made before storage is asked: ${builders.join(', ')} may build in it.`)
    if (builders.length > 0 || config.keepWorkspace) await invoke('net_storage:prepare_archive')
    shipit.emit('fetched')
  })

  desc('Has every server make the release from the archive in storage', { runsOn: 'servers' })
  replace('deploy:update', ['deploy:check', 'net_storage:create_release'], () => {
    for (const line of installedTwice(shipit)) shipit.log(line)
    shipit.emit('updated')
  })

  replace('pending:log', ['net_storage:prepare_mirror_repository'], async () => {
    const { hosts, scm, revision } = deployment
    const script = deployment.script('revision').with({ deploy_to: deployment.deployTo })
    const facts = await on(hosts, (host) => host.script(script))
    const deployed = new Set(facts.flatMap((each) => each['revision'] ?? []))
    if (deployed.size === 0) shipit.log('\nNothing is deployed yet.')
    for (const each of deployed) {
      const commits = await scm.log(each, revision, shipit.config.gitLogFormat ?? '%h: %s - %an')
      shipit.log(commits ? `\nPending commits:\n${commits}` : '\nNo pending commits.')
    }
  })

  plansRevision(() => deployment.scm.find(deployment.branch))
}
