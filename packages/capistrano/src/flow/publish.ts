import { setMaxListeners } from 'node:events'
import type { On } from '../capistrano.js'
import { counted } from '../counted.js'
import type { FencingToken } from '../plugin/api.js'
import type { Host } from '../ssh/host.js'
import { HostError, ServersError } from '../ssh/servers-error.js'
import { serverScript } from '../ssh/script.js'

/** What {@link publish} makes live. */
export interface Publication {
  /** Shipit's environment, for commands in messages. */
  readonly environment: string
  readonly deployTo: string
  /** Name of the release. */
  readonly release: string
  readonly token?: FencingToken | undefined
}

/**
 * Makes a release the current one on every server. If one server fails, the others switch back. A server that has seen a
 * fencing token with a higher number refuses, even to switch back: its release is the later deploy's.
 * @throws {ServersError} `E_SERVERS`
 */
export async function publish(hosts: readonly Host[], on: On, publication: Publication): Promise<void> {
  const { deployTo, release, token } = publication
  // Not interruptible: a server whose answer is lost may have switched or not. It takes only a moment.
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
    const note = back > 0 ? `${counted(back, 'other server')} switched back to the previous release.` : ''
    throw new ServersError([...error.failures, ...failed], hosts.length, note)
  }
}

/** Whether a script was cut off, by a lost connection or a signal, so that its effect is unknown. */
function isCutOff(error: unknown): error is HostError {
  return error instanceof HostError && (error.status === null || error.status > 128)
}

function unknownState(error: HostError, { environment, release }: Publication): HostError {
  const { host, status } = error
  const output = `lost the connection while publishing: release ${release} may or may not be live. Once the server is reachable, check with \`shipit ${environment} deploy:status\`, and deploy again to bring all servers to the same release`
  return new HostError({ code: 'E_UNREACHABLE', host, status, output, cause: error })
}

/** Failures of servers that could not switch back. */
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
