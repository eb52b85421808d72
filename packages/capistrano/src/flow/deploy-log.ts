import { hostname, userInfo } from 'node:os'
import type { Flow } from '../capistrano.js'
import type { Shipit } from '../shipit/shipit.js'

/** One line of `deploys.jsonl`: what was done to a server, and how it ended. */
export interface DeployRecord {
  /** When it began: ISO 8601, UTC. */
  readonly at: string
  readonly action: Flow
  /** Who. */
  readonly user: string
  /** Name of the machine that it was done from. */
  readonly from: string
  readonly environment: string
  /** Null in a rollback. */
  readonly branch: string | null
  /** Full commit id, or null if it is not known. */
  readonly revision: string | null
  readonly release: string | null
  /** Number of servers. */
  readonly servers: number
  /** How long it took. */
  readonly seconds: number
  readonly result: 'succeeded' | 'failed'
}

/** Who deploys: `$USER`, `$LOGNAME`, or the login name. */
export function currentUser(): string {
  return process.env['USER'] || process.env['LOGNAME'] || userInfo().username
}

/** The record of the running deploy or rollback. */
export function deployRecord(
  shipit: Shipit,
  details: {
    readonly action: Flow
    readonly started: Date
    readonly servers: number
    readonly result: DeployRecord['result']
  },
): DeployRecord {
  const { action, started, servers, result } = details
  return {
    at: started.toISOString(),
    action,
    user: currentUser(),
    from: hostname(),
    environment: shipit.environment,
    branch: action === 'deploy' ? (shipit.config.branch ?? 'master') : null,
    revision: shipit.currentRevision ?? null,
    release: shipit.releaseDirname ?? null,
    servers,
    seconds: Math.round((Date.now() - started.getTime()) / 100) / 10,
    result,
  }
}

/** The line of `revisions.log`, in Capistrano's words. */
export function revisionLine(shipit: Shipit, action: Flow): string {
  const { releaseDirname, currentRevision, config } = shipit
  return action === 'rollback'
    ? `${currentUser()} rolled back to release ${releaseDirname}`
    : `Branch ${config.branch ?? 'master'} (at ${currentRevision}) deployed as release ${releaseDirname} by ${currentUser()}`
}
