import { setTimeout as pause } from 'node:timers/promises'
import pLimit from 'p-limit'
import { messageOf } from '../errors.js'
import type { Host } from './host.js'
import { HostError, ServersError } from './servers-error.js'

/** Options of `on`. SSHKit's `in`, `limit` and `wait`. */
export interface OnOptions {
  /**
   * `parallel`: all at the same time; `groups`: `limit` servers, then the next ones; `sequence`: one after another.
   * After a failure in a group or sequence, no further one is started.
   * @default 'parallel'
   */
  readonly in?: 'parallel' | 'groups' | 'sequence'
  /** Maximum number of parallel servers; for `groups` the size of a group. @default `maxConnections`; 2 for groups */
  readonly limit?: number
  /** Seconds between two groups, or two servers of a sequence. @default 0 */
  readonly wait?: number
}

/**
 * Runs a function for each server, waits for all that were started, and returns the results in the servers' order.
 * @throws {ServersError} `E_SERVERS`
 */
export async function onHosts<T>(
  hosts: readonly Host[],
  { in: how = 'parallel', limit = how === 'groups' ? 2 : Infinity, wait = 0 }: OnOptions,
  fn: (host: Host) => Promise<T>,
  signal: AbortSignal,
): Promise<T[]> {
  const results: T[] = []
  const size = how === 'parallel' ? hosts.length : how === 'sequence' ? 1 : limit
  for (let from = 0; from < hosts.length; from += size) {
    if (from > 0 && wait > 0) await pause(wait * 1000, undefined, { signal })
    const group = hosts.slice(from, from + size)
    const { failures, values } = await together(group, limit, fn)
    if (failures.length > 0) {
      const rest = hosts.slice(from + size).map(({ name }) => name)
      throw new ServersError(
        failures,
        hosts.length,
        rest.length > 0 ? `Not started: ${rest.join(', ')}.` : '',
      )
    }
    results.push(...values)
  }
  return results
}

async function together<T>(
  hosts: readonly Host[],
  limit: number,
  fn: (host: Host) => Promise<T>,
): Promise<{ failures: HostError[]; values: T[] }> {
  const bounded = pLimit(limit)
  return sorted(hosts, await Promise.allSettled(hosts.map((host) => bounded(() => fn(host)))))
}

/** What servers returned, and how others failed. */
export function sorted<T>(
  hosts: readonly Host[],
  outcomes: readonly PromiseSettledResult<T>[],
): { failures: HostError[]; values: T[] } {
  const failures: HostError[] = []
  const values: T[] = []
  for (const [index, outcome] of outcomes.entries()) {
    if (outcome.status === 'fulfilled') values.push(outcome.value)
    else failures.push(hostError(outcome.reason, hosts[index]?.name ?? ''))
  }
  return { failures, values }
}

function hostError(error: unknown, host: string): HostError {
  if (error instanceof HostError) return error
  return new HostError({ code: 'E_SERVER', host, status: null, output: messageOf(error), cause: error })
}
