import { hostname, userInfo } from 'node:os'
import type { Capistrano } from '../capistrano.js'
import type { Ask } from '../run/trips.js'
import type { Shipit } from '../shipit/shipit.js'
import { serverScript } from '../ssh/script.js'
import { onAllIfPossible } from './clean-up.js'
import type { Flow } from './flow-of.js'

/** One line of `deploys.jsonl`. */
export interface DeployRecord {
  /** Start time: ISO 8601, UTC. */
  readonly at: string
  readonly action: Flow
  /** Who deployed. */
  readonly user: string
  /** Host name of the deploy machine. */
  readonly from: string
  readonly environment: string
  /** Null in a rollback. */
  readonly branch: string | null
  /** Full commit id, or null if unknown. */
  readonly revision: string | null
  readonly release: string | null
  /** Number of servers. */
  readonly servers: number
  /** Duration. */
  readonly seconds: number
  readonly result: 'succeeded' | 'failed'
}

/** Who deploys: `$USER`, `$LOGNAME`, or the login name. */
export function currentUser(): string {
  return process.env['USER'] || process.env['LOGNAME'] || userInfo().username
}

/** Appends a deploy or rollback, with its result, to the logs on the servers. */
export async function logDeploy(
  shipit: Shipit,
  dsl: Capistrano,
  result: DeployRecord['result'],
  ask: Ask,
): Promise<void> {
  const { plugin, releaseRoles } = dsl
  const { kind, startedAt, revision, release, environment } = plugin.run
  const action = kind === 'rollback' ? 'rollback' : 'deploy'
  const branch = plugin.branch()
  const user = currentUser()
  const record: DeployRecord = {
    at: startedAt.toISOString(),
    action,
    user,
    from: hostname(),
    environment,
    branch: action === 'deploy' ? branch : null,
    revision: revision ?? null,
    release: release ?? null,
    servers: releaseRoles('all').length,
    seconds: Math.round((Date.now() - startedAt.getTime()) / 100) / 10,
    result,
  }
  // Capistrano's wording, as in its own revisions.log.
  const line =
    action === 'rollback'
      ? `${user} rolled back to release ${release}`
      : `Branch ${branch} (at ${revision}) deployed as release ${release} by ${user}`
  await onAllIfPossible(
    shipit,
    dsl,
    ask,
    serverScript('log-deploy').with({
      deploy_to: plugin.deployTo(),
      line: result === 'succeeded' ? line : '',
      record: JSON.stringify(record),
    }),
    'could not write revisions.log and deploys.jsonl on all servers',
  )
}
