import type { On, RestoreRelease } from '../capistrano.js'
import { DeployError } from '../errors.js'
import type { Host } from '../ssh/host.js'
import { Script } from '../ssh/script.js'
import { ServersError } from '../ssh/servers-error.js'
import type { Release } from './releases.js'

const finishScript = Script.file(new URL('../../server/finish-release.sh', import.meta.url))

/**
 * Brings a release that is gone back to, to servers that do not have it.
 * @throws {DeployError} `E_NO_ROLLBACK` if that can't be done; {@link ServersError} `E_SERVERS` if servers fail
 */
export async function restoreMissing(
  hosts: readonly Host[],
  release: Release,
  context: {
    readonly restore: RestoreRelease | undefined
    /** Links what releases share. */
    readonly link: (hosts: readonly Host[]) => Promise<void>
    readonly on: On
    readonly deployTo: string
    readonly log: (line: string) => void
  },
): Promise<void> {
  if (hosts.length === 0) return
  const { restore, link, on, deployTo, log } = context
  const names = hosts.map(({ name }) => name).join(', ')
  const have = hosts.length === 1 ? 'does' : 'do'
  const lack = `${names} ${have} not have release ${release.name}${release.revision ? `, commit ${release.revision}` : ''}`
  const advice = `Name another release with ROLLBACK_RELEASE, leave ${names} out with HOSTS, or deploy that commit again.`
  if (!restore)
    throw new DeployError('E_NO_ROLLBACK', `Can't roll back: ${lack}. Nothing was changed. ${advice}`)
  log(`${lack}: bringing it there.`)
  try {
    await restore(hosts, release)
  } catch (error) {
    if (error instanceof ServersError) throw error
    const reason = error instanceof Error ? error.message : String(error)
    throw new DeployError('E_NO_ROLLBACK', `Can't roll back: ${lack}. ${reason} ${advice}`, { cause: error })
  }
  await link(hosts)
  const finish = finishScript.with({ deploy_to: deployTo, release: release.name, revision: '' })
  await on(hosts, (host) => host.script(finish))
}
