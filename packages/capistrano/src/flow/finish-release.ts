import type { Capistrano } from '../capistrano.js'
import type { Ask } from '../run/trips.js'
import type { Host } from '../ssh/host.js'
import { serverScript } from '../ssh/script.js'

/**
 * Turns `releases/.staging-<name>` on servers into the run's release, atomically: an existing release is always complete.
 * @param revision full commit id, unless the folder already has its REVISION
 * @throws {ServersError} `E_SERVERS`
 */
export async function finishRelease(
  { on, plugin }: Capistrano,
  hosts: readonly Host[],
  { revision = '', ask = on }: { readonly revision?: string | undefined; readonly ask?: Ask } = {},
): Promise<void> {
  const release = plugin.run.chosenRelease()
  const script = serverScript('finish-release').with({ deploy_to: plugin.deployTo(), release, revision })
  await ask(hosts, (host) => host.script(script))
}
