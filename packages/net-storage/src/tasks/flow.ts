import type { Deployment } from './deployment.js'

/** Puts net-storage's tasks where shipit-deploy has its own, with the events that belong there. */
export function replaceFlow(deployment: Deployment): void {
  const { shipit, dsl } = deployment
  const { replace, desc, on, plansRevision } = dsl

  desc('Updates the mirror, and resolves the branch to a commit', { runsOn: 'deploy machine' })
  replace('deploy:fetch', ['net_storage:prepare_mirror_repository'], () => {
    shipit.emit('fetched')
  })

  desc('Has every server make the release from the archive in storage', { runsOn: 'servers' })
  replace('deploy:update', ['net_storage:create_release'], () => {
    shipit.emit('updated')
  })

  replace('pending:log', [], async () => {
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
