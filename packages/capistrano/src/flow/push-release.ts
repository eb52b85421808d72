import { execFile } from 'node:child_process'
import { rm } from 'node:fs/promises'
import { posix, resolve } from 'node:path'
import { promisify } from 'node:util'
import type { Capistrano } from '../capistrano.js'
import { DeployError } from '../errors.js'
import type { Shipit } from '../shipit.js'
import type { CopyOptions } from '../ssh/host.js'
import { Script } from '../ssh/script.js'
import { releaseName } from './releases.js'

const stageScript = Script.file(new URL('../../server/stage-release.sh', import.meta.url))
const finishScript = Script.file(new URL('../../server/finish-release.sh', import.meta.url))

/** shipit-deploy's settings for the copy. */
interface PushSettings {
  /** Options for `cp`, or false. @default '-a' */
  readonly copy?: string | false
  readonly deploy?: { readonly remoteCopy?: CopyOptions & { readonly copyAsDir?: boolean } }
  readonly rsyncFrom?: string
  readonly dirToCopy?: string
  readonly ignores?: readonly string[]
  readonly rsync?: string | readonly string[]
  /** @default false */
  readonly keepWorkspace?: boolean
  /** @default true */
  readonly shallowClone?: boolean
}

/**
 * Defines `deploy:update` as shipit-deploy has it: the workspace is copied to every server with rsync. But a release is
 * made beside the releases, from what each server itself has live, and becomes one when it is whole.
 */
export function definePush(shipit: Shipit, { replace, desc, releaseRoles, on, invoke }: Capistrano): void {
  const deployTo = (): string => String(shipit.config.deployTo)
  const settings = (): PushSettings => shipit.config as PushSettings

  desc('Copies the workspace to the servers as a new release, with rsync', {
    runsOn: 'deploy machine and servers',
    invokes: ['deploy:symlink:shared'],
  })
  replace('deploy:update', [], async () => {
    const { copy = '-a', deploy, rsyncFrom, dirToCopy = '', ignores = [], rsync = [] } = settings()
    const from = rsyncFrom ?? shipit.workspace
    if (!from)
      throw new DeployError(
        'E_WORKSPACE',
        "workspace: there is none to copy; 'deploy:fetch' makes one, or set it.",
      )
    const release = (shipit.releaseDirname ??= releaseName(new Date()))
    shipit.releasePath = posix.join(deployTo(), 'releases', release)
    const revision = await revisionOf(from, shipit.config.branch ?? 'master')
    if (revision) shipit.currentRevision = revision

    const { copyAsDir = false, ...options } = deploy?.remoteCopy ?? { rsync: '--del' }
    const source = resolve(from, dirToCopy) + (copyAsDir ? '' : '/')
    const staging = posix.join(deployTo(), 'releases', `.staging-${release}`)
    const stage = stageScript.with({ deploy_to: deployTo(), release, copy: copy === false ? '' : copy })
    await on(releaseRoles('all'), async (host) => {
      await host.script(stage)
      await host.copy(source, staging, { ignores, rsync, ...options })
    })
    // Linked before it is a release: a release that is there is whole.
    await invoke('deploy:symlink:shared')
    const finish = finishScript.with({ deploy_to: deployTo(), release, revision: revision ?? '' })
    await on(releaseRoles('all'), (host) => host.script(finish))
    shipit.log(`${releaseRoles('all').length} servers have release ${release}.`)

    const { keepWorkspace = false, shallowClone = true } = settings()
    if (!keepWorkspace && shallowClone && shipit.workspace)
      await rm(shipit.workspace, { recursive: true, force: true })
    shipit.emit('updated')
  })
}

/** The commit id that the workspace has of a branch; undefined if it is no repository. */
async function revisionOf(workspace: string, branch: string): Promise<string | undefined> {
  const args = ['rev-parse', '--verify', '--quiet', '--end-of-options', `${branch}^{commit}`]
  return promisify(execFile)('git', args, { cwd: workspace }).then(
    ({ stdout }) => stdout.trim(),
    () => undefined,
  )
}
