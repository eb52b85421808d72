import { setMaxListeners } from 'node:events'
import type { On } from '../capistrano.js'
import type { Host } from '../ssh/host.js'
import { Script } from '../ssh/script.js'
import { ServersError } from '../ssh/servers-error.js'

const publishScript = Script.file(new URL('../../server/publish.sh', import.meta.url))

/**
 * Makes a release the current one on every server. If a server can't, those that could go back to what they had.
 * @throws {ServersError} `E_SERVERS`
 */
export async function publish(
  hosts: readonly Host[],
  on: On,
  { deployTo, release }: { readonly deployTo: string; readonly release: string },
): Promise<void> {
  // An interrupt does not cut this short: a server whose answer is lost may have changed or not. It takes a moment.
  const { signal } = new AbortController()
  setMaxListeners(0, signal)
  const flipped: { readonly host: Host; readonly previous: string }[] = []
  try {
    await on(hosts, async (host) => {
      const facts = await host.script(publishScript.with({ deploy_to: deployTo, release }), { signal })
      flipped.push({ host, previous: facts['previous']?.[0] ?? '' })
    })
  } catch (error) {
    if (!(error instanceof ServersError)) throw error
    const previousOf = new Map(flipped.map(({ host, previous }) => [host, previous]))
    await on([...previousOf.keys()], (host) =>
      host.script(publishScript.with({ deploy_to: deployTo, release: previousOf.get(host) ?? '' }), {
        signal,
      }),
    )
    throw new ServersError(
      error.failures,
      hosts.length,
      `The other ${flipped.length} servers went back to the release that they had.`,
    )
  }
}
