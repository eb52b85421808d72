import { hostname, userInfo } from 'node:os'
import type { Capistrano } from '../capistrano.js'
import type { Shipit } from '../shipit/shipit.js'
import { serverScript } from '../ssh/script.js'
import { onAllIfPossible } from './clean-up.js'
import type { Flow } from './flow-of.js'

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

/** Notes a deploy or rollback, and how it ended, in the logs on the servers. */
export async function logDeploy(
  shipit: Shipit,
  dsl: Capistrano,
  result: DeployRecord['result'],
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
  // In Capistrano's words, for those who read it there.
  const line =
    action === 'rollback'
      ? `${user} rolled back to release ${release}`
      : `Branch ${branch} (at ${revision}) deployed as release ${release} by ${user}`
  await onAllIfPossible(
    shipit,
    dsl,
    serverScript('log-deploy').with({
      deploy_to: plugin.deployTo(),
      line: result === 'succeeded' ? line : '',
      record: JSON.stringify(record),
    }),
    'revisions.log and deploys.jsonl could not be written everywhere',
  )
}
