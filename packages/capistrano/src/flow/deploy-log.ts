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
  /** What took how long, in seconds: the tasks so far, and what this server did. */
  readonly took: { readonly tasks: Took; readonly server: Took }
}

/** Seconds by name. */
type Took = Readonly<Record<string, number>>

/** Seconds below which nothing is recorded. */
const NOTICEABLE = 0.01

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
  const record: Omit<DeployRecord, 'took'> = {
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
  const tasks = took(plugin.run.steps.map((step) => [step.task, step.seconds]))
  const spans = new Map(
    plugin.run.timeline.servers.map(({ server, spans: all }) => [
      server,
      took(all.map(({ what, ms }) => [what, ms / 1000])),
    ]),
  )
  // Capistrano's wording, as in its own revisions.log.
  const line =
    action === 'rollback'
      ? `${user} rolled back to release ${release}`
      : `Branch ${branch} (at ${revision}) deployed as release ${release} by ${user}`
  await onAllIfPossible(
    shipit,
    dsl,
    ask,
    ({ name }) =>
      serverScript('log-deploy').with({
        deploy_to: plugin.deployTo(),
        line: result === 'succeeded' ? line : '',
        record: JSON.stringify({ ...record, took: { tasks, server: spans.get(name) ?? {} } }),
      }),
    'could not write revisions.log and deploys.jsonl on all servers',
  )
}

/** Sums of seconds by name, without those that nobody would notice. */
function took(all: readonly (readonly [name: string, seconds: number])[]): Took {
  const sums = new Map<string, number>()
  for (const [name, seconds] of all) sums.set(name, (sums.get(name) ?? 0) + seconds)
  return Object.fromEntries(
    [...sums].flatMap(([name, sum]) => (sum < NOTICEABLE ? [] : [[name, Math.round(sum * 1000) / 1000]])),
  )
}
