import { rm } from 'node:fs/promises'
import { counted } from '../counted.js'
import type { EnvironmentConfig, Shipit } from '../shipit/shipit.js'
import type { CopyOptions } from '../ssh/host.js'
import { serverScript } from '../ssh/script.js'
import { finishRelease } from '../flow/finish-release.js'
import { releaseName } from '../flow/releases.js'
import type { FlowDsl } from './flow-dsl.js'
import { sourceFolder, workspaceRevision, type WorkspaceSettings } from '../flow/workspace.js'

/**
 * Options of `cp` that preserve modification times. Without them, rsync may take a changed file for unchanged, by its equal time
 * and size.
 */
const KEEPS_TIMES = /(^|\s)(-\w*[ap]|--archive|--preserve)/

/** shipit-deploy's settings for copying. */
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
 * Defines `deploy:update` as in shipit-deploy: it copies the workspace to every server with rsync. But a release is staged
 * beside the releases, based on each server's own live release, and becomes one when it is complete.
 */
export function definePush(shipit: Shipit, dsl: FlowDsl): void {
  const { replace, desc, releaseRoles, on, invoke, plugin } = dsl
  const settings = (): PushSettings & EnvironmentConfig => shipit.config

  desc('Copies the workspace to the servers as a new release, with rsync', {
    runsOn: 'deploy machine and servers',
    invokes: ['deploy:symlink:shared'],
  })
  replace('deploy:update', ['deploy:check'], async () => {
    const { run } = plugin
    const { copy = '-a', deploy, rsync = [], ignores = [] } = settings()
    const source = await sourceFolder(shipit.workspace, settings())
    const revision = await workspaceRevision(shipit.workspace ?? source, shipit.config)
    const release = run.release ?? releaseName(new Date())
    run.choose({ name: release, revision })

    const { copyAsDir = false, ...options } = deploy?.remoteCopy ?? { rsync: '--del' }
    const comparison = copy !== false && !KEEPS_TIMES.test(copy) ? ['--checksum'] : []
    const copyOptions = { ignores, ...options, rsync: [...comparison, ...[options.rsync ?? rsync].flat()] }
    const deployTo = plugin.deployTo()
    const staging = plugin.releasePath(`.staging-${release}`)
    const stage = serverScript('stage-release').with({
      deploy_to: deployTo,
      release,
      copy: copy === false ? '' : copy,
    })
    const hosts = releaseRoles('all')
    await on(hosts, async (host) => {
      await host.script(stage)
      await host.copy(copyAsDir ? source : `${source}/`, staging, copyOptions)
    })
    // Linked while staged: an existing release is always complete.
    await plugin.inOrder(async (join) => {
      await invoke('deploy:symlink:shared')
      await join((ask) => finishRelease(dsl, hosts, { revision, ask }))
    })
    shipit.log(`${counted(hosts.length, 'server has', 'servers have')} release ${release}.`)

    const { keepWorkspace = false, shallowClone = true } = settings()
    if (!keepWorkspace && shallowClone && shipit.workspace)
      await rm(shipit.workspace, { recursive: true, force: true })
    shipit.emit('updated')
  })
}
