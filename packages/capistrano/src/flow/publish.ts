import { setMaxListeners } from 'node:events'
import type { On } from '../capistrano.js'
import { counted } from '../counted.js'
import type { FencingToken } from '../plugin/api.js'
import type { Host } from '../ssh/host.js'
import { HostError, ServersError } from '../ssh/servers-error.js'
import { serverScript } from '../ssh/script.js'

/** What {@link publish} makes live. */
export interface Publication {
  /** Shipit's environment, for the commands that messages name. */
  readonly environment: string
  readonly deployTo: string
  /** Name of the release. */
  readonly release: string
  readonly token?: FencingToken | undefined
}

/**
 * Makes a release the current one on every server. If a server can't, those that could go back to what they had. With a
 * fencing token, a server refuses that has seen a deploy with a higher number, also to go back: what it has is that deploy's.
 * @throws {ServersError} `E_SERVERS`
 */
export async function publish(hosts: readonly Host[], on: On, publication: Publication): Promise<void> {
  const { deployTo, release, token } = publication
  // An interrupt does not cut this short: a server whose answer is lost may have changed or not. It takes a moment.
  const { signal } = new AbortController()
  setMaxListeners(0, signal)
  const script = serverScript('publish').with({
    deploy_to: deployTo,
    fence_scope: token?.scope ?? '',
    fence_number: token?.number ?? '',
  })
  const flip = script.with({ target: `releases/${release}`, back: '' })
  const previousOf = new Map<Host, string>()
  try {
    await on(hosts, async (host) => {
      const facts = await host.script(flip, { signal }).catch((error: unknown) => {
        throw isCutOff(error) ? unknownState(error, publication) : error
      })
      previousOf.set(host, facts['previous']?.[0] ?? '')
    })
  } catch (error) {
    if (!(error instanceof ServersError)) throw error
    const flipped = [...previousOf.keys()]
    const failed = await goBack(flipped, on, (host) =>
      host.script(script.with({ target: previousOf.get(host) ?? '', back: 1 }), { signal }),
    )
    const back = flipped.length - failed.length
    const note =
      back > 0 ? `${counted(back, 'other server')} went back to the release that was live there before.` : ''
    throw new ServersError([...error.failures, ...failed], hosts.length, note)
  }
}

/** Whether a script was cut off, by a lost connection or a signal, so that nobody knows how far it came. */
function isCutOff(error: unknown): error is HostError {
  return error instanceof HostError && (error.status === null || error.status === 255)
}

function unknownState(error: HostError, { environment, release }: Publication): HostError {
  const { host, status } = error
  const output = `the connection was lost while publishing: it may run release ${release}, or what it had before. Once it can be reached, \`shipit ${environment} deploy:status\` says which; deploy again to bring all servers to the same release`
  return new HostError({ code: 'E_UNREACHABLE', host, status, output, cause: error })
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
