import { rm } from 'node:fs/promises'
import { posix } from 'node:path'
import type { Capistrano } from '../capistrano.js'
import { counted } from '../counted.js'
import type { EnvironmentConfig, Shipit } from '../shipit/shipit.js'
import type { CopyOptions } from '../ssh/host.js'
import { Script } from '../ssh/script.js'
import { releaseName } from './releases.js'
import { sourceFolder, workspaceRevision, type WorkspaceSettings } from './workspace.js'

const stageScript = Script.file(new URL('../../server/stage-release.sh', import.meta.url))
const finishScript = Script.file(new URL('../../server/finish-release.sh', import.meta.url))

/**
 * Options of `cp` with which copies are as old as what they are copies of. Without, a file and its copy may be equally old and
 * long, and different: by these rsync would take them for the same.
 */
const KEEPS_TIMES = /(^|\s)(-\w*[ap]|--archive|--preserve)/

/** shipit-deploy's settings for the copy. */
interface PushSettings extends WorkspaceSettings {
  /** Options for `cp`, or false. @default '-a' */
  readonly copy?: string | false
  readonly deploy?: { readonly remoteCopy?: CopyOptions & { readonly copyAsDir?: boolean } }
  readonly ignores?: readonly string[]
  readonly rsync?: string | readonly string[]
  /** @default false */
  readonly keepWorkspace?: boolean
}

/**
 * Defines `deploy:update` as shipit-deploy has it: the workspace is copied to every server with rsync. But a release is
 * made beside the releases, from what each server itself has live, and becomes one when it is whole.
 */
export function definePush(shipit: Shipit, { replace, desc, releaseRoles, on, invoke }: Capistrano): void {
  const deployTo = (): string => String(shipit.config.deployTo)
  const settings = (): PushSettings & EnvironmentConfig => shipit.config

  desc('Copies the workspace to the servers as a new release, with rsync', {
    runsOn: 'deploy machine and servers',
    invokes: ['deploy:symlink:shared'],
  })
  replace('deploy:update', ['deploy:check'], async () => {
    const { copy = '-a', deploy, rsync = [], ignores = [] } = settings()
    const source = await sourceFolder(shipit.workspace, settings())
    const revision = await workspaceRevision(shipit.workspace ?? source, shipit.config)
    const release = (shipit.releaseDirname ??= releaseName(new Date()))
    shipit.releasePath = posix.join(deployTo(), 'releases', release)
    if (revision) shipit.currentRevision = revision

    const { copyAsDir = false, ...options } = deploy?.remoteCopy ?? { rsync: '--del' }
    const comparison = copy !== false && !KEEPS_TIMES.test(copy) ? ['--checksum'] : []
    const copyOptions = { ignores, ...options, rsync: [...comparison, ...[options.rsync ?? rsync].flat()] }
    const staging = posix.join(deployTo(), 'releases', `.staging-${release}`)
    const stage = stageScript.with({ deploy_to: deployTo(), release, copy: copy === false ? '' : copy })
    await on(releaseRoles('all'), async (host) => {
      await host.script(stage)
      await host.copy(copyAsDir ? source : `${source}/`, staging, copyOptions)
    })
    // Linked before it is a release: a release that is there is whole.
    await invoke('deploy:symlink:shared')
    const finish = finishScript.with({ deploy_to: deployTo(), release, revision: revision ?? '' })
    await on(releaseRoles('all'), (host) => host.script(finish))
    shipit.log(`${counted(releaseRoles('all').length, 'server has', 'servers have')} release ${release}.`)

    const { keepWorkspace = false, shallowClone = true } = settings()
    if (!keepWorkspace && shallowClone && shipit.workspace)
      await rm(shipit.workspace, { recursive: true, force: true })
    shipit.emit('updated')
  })
}
