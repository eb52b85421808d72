import type { Capistrano } from '../capistrano.js'
import { DeployError, messageOf } from '../errors.js'
import type { RestoreRelease } from '../plugin/api.js'
import type { Host } from '../ssh/host.js'
import { ServersError } from '../ssh/servers-error.js'
import { finishRelease } from './finish-release.js'
import { rollbackTarget, type Release } from './releases.js'

/** Options of {@link chooseRollback}. */
export interface RollbackOptions {
  /** Name of the release that the user wants. @default the previously live one */
  readonly wanted: string | undefined
  /** Brings a release to servers that lack it, if a plugin can. */
  readonly restore: RestoreRelease | undefined
  /** Links shared files and folders into the release. */
  readonly link: (hosts: readonly Host[]) => Promise<void>
  readonly log: (line: string) => void
}

/**
 * Chooses the release to roll back to, and restores it on servers that lack it.
 * @throws {DeployError} `E_NO_ROLLBACK` if there is none, or it can't be restored; {@link ServersError} `E_SERVERS`
 */
export async function chooseRollback(dsl: Capistrano, options: RollbackOptions): Promise<void> {
  const { run } = dsl.plugin
  const { wanted, log } = options
  if (run.previousRelease) run.leaves(run.previousRelease)
  const target = rollbackTarget(run.servers, wanted)
  if ('reason' in target) {
    throw new DeployError('E_NO_ROLLBACK', `Can't roll back: ${target.reason}. Nothing was changed.`)
  }
  const { release, from, wasLive, missing } = target
  run.choose(release)
  run.leaves(from.name)
  log(`Rolling back from ${shown(from)} to ${shown(release)}.`)
  if (!wasLive) log(`Release ${release.name}, set by ROLLBACK_RELEASE, was never live.`)
  if (release.revision && release.revision === from.revision && release.name !== from.name)
    log('Both are the same commit.')
  const hosts = dsl.releaseRoles('all')
  const lacking = missing.flatMap((index) => hosts[index] ?? [])
  if (lacking.length > 0) await restoreOn(lacking, release, dsl, options)
}

async function restoreOn(
  hosts: readonly Host[],
  release: Release,
  dsl: Capistrano,
  { restore, link, log }: RollbackOptions,
): Promise<void> {
  const names = hosts.map(({ name }) => name).join(', ')
  const have = hosts.length === 1 ? 'does' : 'do'
  const lack = `${names} ${have} not have release ${release.name}${release.revision ? `, commit ${release.revision}` : ''}`
  const advice = `Choose another release with ROLLBACK_RELEASE, leave ${names} out with HOSTS, or deploy that commit again.`
  if (!restore)
    throw new DeployError('E_NO_ROLLBACK', `Can't roll back: ${lack}. Nothing was changed. ${advice}`)
  log(`${lack}: restoring it.`)
  try {
    await restore(hosts, release)
  } catch (error) {
    if (error instanceof ServersError) throw error
    throw new DeployError('E_NO_ROLLBACK', `Can't roll back: ${lack}. ${messageOf(error)} ${advice}`, {
      cause: error,
    })
  }
  await link(hosts)
  await finishRelease(dsl, hosts)
}

function shown({ name, revision }: Release): string {
  return revision === undefined ? `release ${name}` : `release ${name} (commit ${revision.slice(0, 12)})`
}
