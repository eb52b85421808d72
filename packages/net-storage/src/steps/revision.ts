import { askReleases } from 'shipit-capistrano'
import type { Deployment } from '../deployment.js'

/** Updates the mirror and finds the commit: the branch's, or the one on servers left out by `HOSTS` or `ROLES`. */
export async function resolveRevision(deployment: Deployment): Promise<void> {
  const { shipit, run, plugin, scm, localFolder } = deployment
  const live = await deployment.live()
  if (live) {
    run.choose({ name: live.release, revision: live.revision })
    shipit.log(`The other servers run release ${live.release}, commit ${live.revision}.`)
    return
  }
  const branch = plugin.branch()
  const update = async (): Promise<string> => {
    await localFolder.make()
    await scm.update(branch)
    return scm.resolve(branch)
  }
  run.deploys(await (deployment.ahead?.take(branch) ?? update()))
  shipit.log(`${branch} is commit ${deployment.revision}.`)
}

/** Lists the commits between what is live on servers and the branch. */
export async function listPending(deployment: Deployment): Promise<void> {
  const { shipit, dsl, plugin, hosts, scm, revision } = deployment
  const servers = await dsl.on(hosts, (host) => askReleases(host, plugin.deployTo()))
  const deployed = new Set(servers.flatMap((server) => server.revision ?? []))
  if (deployed.size === 0) shipit.log('\nNothing is deployed yet.')
  for (const each of deployed) {
    const commits = await scm.log(each, revision, shipit.config.gitLogFormat ?? '%h: %s - %an')
    shipit.log(commits ? `\nPending commits:\n${commits}` : '\nNo pending commits.')
  }
}
