import pLimit from 'p-limit'
import type { OnOptions } from '../capistrano.js'
import type { Host } from './host.js'
import { HostError, ServersError } from './servers-error.js'

/** Runs a function for each server, and waits for all. @throws {ServersError} `E_SERVERS` */
export async function onHosts<T>(
  hosts: readonly Host[],
  fn: (host: Host) => Promise<T>,
  { limit = Infinity }: OnOptions = {},
): Promise<T[]> {
  const bounded = pLimit(limit)
  const outcomes = await Promise.allSettled(hosts.map((host) => bounded(() => fn(host))))
  const failures = outcomes.flatMap((outcome, index) =>
    outcome.status === 'rejected' ? [hostError(outcome.reason, hosts[index]?.name ?? '')] : [],
  )
  if (failures.length > 0) throw new ServersError(failures, hosts.length)
  return outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []))
}

function hostError(error: unknown, host: string): HostError {
  if (error instanceof HostError) return error
  const output = error instanceof Error ? error.message : String(error)
  return new HostError({ code: 'E_SERVER', host, status: null, output, cause: error })
}
