import type { Capistrano } from '../capistrano.js'
import type { Host } from '../ssh/host.js'
import { serverScript } from '../ssh/script.js'

/**
 * Makes what stands in `releases/.staging-<name>` on servers the run's release, in one step: a release that is there is whole.
 * @param revision full commit id, if it is not noted there
 * @throws {ServersError} `E_SERVERS`
 */
export async function finishRelease(
  { on, plugin }: Capistrano,
  hosts: readonly Host[],
  revision = '',
): Promise<void> {
  const release = plugin.run.chosenRelease()
  const script = serverScript('finish-release').with({ deploy_to: plugin.deployTo(), release, revision })
  await on(hosts, (host) => host.script(script))
}
