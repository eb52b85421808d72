import { setMaxListeners } from 'node:events'
import type { Fence, On } from '../capistrano.js'
import { counted } from '../counted.js'
import type { Host } from '../ssh/host.js'
import { Script } from '../ssh/script.js'
import { ServersError } from '../ssh/servers-error.js'

const publishScript = Script.file(new URL('../../server/publish.sh', import.meta.url))

/**
 * Makes a release the current one on every server. If a server can't, those that could go back to what they had. With a
 * fence, a server refuses that has seen a deploy with a higher number, also to go back: what it has is that deploy's.
 * @throws {ServersError} `E_SERVERS`
 */
export async function publish(
  hosts: readonly Host[],
  on: On,
  {
    deployTo,
    release,
    fence,
  }: { readonly deployTo: string; readonly release: string; readonly fence?: Fence | undefined },
): Promise<void> {
  // An interrupt does not cut this short: a server whose answer is lost may have changed or not. It takes a moment.
  const { signal } = new AbortController()
  setMaxListeners(0, signal)
  const script = publishScript.with({
    deploy_to: deployTo,
    fence_domain: fence?.domain ?? '',
    fence_number: fence?.number ?? '',
  })
  const previousOf = new Map<Host, string>()
  try {
    await on(hosts, async (host) => {
      const facts = await host.script(script.with({ release }), { signal })
      previousOf.set(host, facts['previous']?.[0] ?? '')
    })
  } catch (error) {
    if (!(error instanceof ServersError)) throw error
    const flipped = [...previousOf.keys()]
    const failed = await goBack(flipped, on, (host) =>
      host.script(script.with({ release: previousOf.get(host) ?? '' }), { signal }),
    )
    const back = flipped.length - failed.length
    const note =
      back > 0 ? `${counted(back, 'other server')} went back to the release that was live there before.` : ''
    throw new ServersError([...error.failures, ...failed], hosts.length, note)
  }
}

/** The failures of servers that could not go back. */
async function goBack(
  hosts: readonly Host[],
  on: On,
  run: (host: Host) => Promise<unknown>,
): Promise<ServersError['failures']> {
  try {
    await on(hosts, run)
    return []
  } catch (error) {
    if (error instanceof ServersError) return error.failures
    throw error
  }
}
