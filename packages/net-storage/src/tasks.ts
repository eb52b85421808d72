import { readdir, rm, stat } from 'node:fs/promises'
import { hostname, userInfo } from 'node:os'
import { join, posix } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import prettyBytes from 'pretty-bytes'
import {
  DeployError,
  quote,
  releaseName,
  Script,
  type Capistrano,
  type Host,
  type Shipit,
} from 'shipit-capistrano'
import type { z } from 'zod'
import { ArchivesInUse } from './archive/in-use.js'
import { ArchiveStore } from './archive/archive-store.js'
import { archiverFor } from './archiver/archivers.js'
import { treeSize } from './archiver/tree-size.js'
import type { BuiltWith } from './archive/manifest.js'
import { findConfigFiles } from './config-files/config-files.js'
import { packConfigFiles } from './config-files/over-ssh.js'
import { copyConfigFiles, withConfigFolder } from './config-files/over-rsync.js'
import { Git } from './scm/git.js'
import { liveElsewhere, type LiveElsewhere } from './servers/live-elsewhere.js'
import { sourceVariables } from './servers/source-variables.js'
import { defaultJitter, retryDelays, type settingsSchema } from './settings.js'

const script = (name: string): Script => Script.file(new URL(`../server/${name}.sh`, import.meta.url))

/** Defines net-storage's tasks, and puts them into the flow. */
export function defineTasks(
  shipit: Shipit,
  dsl: Capistrano,
  settings: () => z.output<typeof settingsSchema>,
): void {
  const { task, desc, before, after, invoke, on, releaseRoles, replace, flow, signal } = dsl
  const hosts = (): readonly Host[] => releaseRoles('all')

  const deployTo = (): string => String(shipit.config.deployTo)
  // Scripts are in deployTo already when they use it.
  const archivesPath = (): string => settings().archivesPath ?? 'net_storage_archives'
  const branch = (): string => shipit.config.branch ?? 'master'
  const store = (): ArchiveStore => new ArchiveStore(settings().transport, String(shipit.config.application))
  const inUse = (): ArchivesInUse =>
    new ArchivesInUse(settings().transport, String(shipit.config.application), shipit.environment)
  const git = (): Git =>
    new Git({
      repositoryUrl: String(shipit.config.repositoryUrl),
      config: shipit.config.gitConfig,
      mirrorPath: join(settings().localBasePath, 'mirror'),
      signal,
    })
  const builtWith = (): BuiltWith => {
    const { archiver, repoTree = null, multiAppMode } = settings()
    const options = Object.entries(archiver.options).map(([name, value]) => [`archiver ${name}`, value])
    return {
      archiver: archiver.format,
      ...Object.fromEntries(options),
      node: process.version,
      repoTree,
      multiAppMode,
      submodules: shipit.config.updateSubmodules ?? false,
    }
  }

  /** Only what storage has is deployed: nothing is built or uploaded. */
  const pulling = (): boolean => shipit.isRunning && shipit.seq.includes('net_storage:pull_deploy')
  let live: LiveElsewhere | undefined
  const revision = (): string => required(shipit.currentRevision, 'net_storage:prepare_mirror_repository')

  desc("Checks repository, branch, storage, config files, and the servers' tools", {
    runsOn: 'deploy machine and servers',
  })
  task('net_storage:check', [], async () => {
    if (flow() === 'rollback') {
      shipit.log('Going back needs neither repository nor storage.')
      return
    }
    live = pulling() ? await liveElsewhere(dsl, deployTo()) : undefined
    await all([
      ...(live ? [] : [git().check(branch())]),
      settings().transport.check(),
      settings().archiver.check(),
      findConfigFiles(settings().configFiles),
    ])
    const check = script('check').with({
      needs_download: 1,
      programs: settings().archiver.serverPrograms.join(' '),
    })
    await on(hosts(), (host) => host.script(check))
  })

  desc('Updates the mirror, and resolves the branch to a commit', { runsOn: 'deploy machine' })
  task('net_storage:prepare_mirror_repository', [], async () => {
    if (live) {
      shipit.currentRevision = live.revision
      shipit.releaseDirname = live.release
      shipit.releasePath = posix.join(deployTo(), 'releases', live.release)
      shipit.log(`The other servers run release ${live.release}, commit ${live.revision}.`)
      return
    }
    await git().update(branch())
    shipit.currentRevision = await git().resolve(branch())
    const { repoTree } = settings()
    if (repoTree) await git().checkTree(shipit.currentRevision, repoTree)
    shipit.log(`${branch()} is commit ${shipit.currentRevision}.`)
  })

  desc('Extracts the commit. Hook builds behind it; not run when storage has the archive', {
    runsOn: 'deploy machine',
  })
  task('net_storage:prepare_archive', ['net_storage:prepare_mirror_repository'], async () => {
    shipit.releaseDirname ??= releaseName(new Date())
    shipit.workspace = shipit.netStorage.localReleasePath
    await rm(shipit.workspace, { recursive: true, force: true })
    const { updateSubmodules: submodules } = shipit.config
    await git().extract(revision(), shipit.workspace, { repoTree: settings().repoTree, submodules })
    if (settings().multiAppMode && !(await isFolder(shipit.netStorage.localReleaseAppPath))) {
      throw new DeployError(
        'E_APPLICATION',
        `netStorage.multiAppMode: commit ${revision()} has no folder '${shipit.config.application}', as the application is called.`,
      )
    }
  })

  desc('Builds the archive and uploads it, unless storage has it', {
    runsOn: 'deploy machine',
    invokes: ['net_storage:prepare_archive'],
  })
  task('net_storage:upload_archive', ['net_storage:prepare_mirror_repository'], async () => {
    // Noted first: from here on no other environment removes it.
    await inUse().add(revision())
    const found = await store().find(revision(), pulling() ? undefined : builtWith())
    if ('manifest' in found && (settings().reuseArchive || pulling())) {
      shipit.netStorage.manifest = found.manifest
      shipit.log(
        `Reusing ${found.manifest.parts[0]?.key}, made ${found.manifest.createdAt} by ${found.manifest.createdBy}.`,
      )
      return
    }
    if (pulling()) {
      const reason = 'reason' in found ? found.reason : 'netStorage.reuseArchive is false'
      throw new DeployError(
        'E_NO_ARCHIVE',
        `There is no archive of ${revision()} to pull: ${reason}. Make one first: shipit ${shipit.environment} net_storage:upload_archive`,
      )
    }
    shipit.log(
      `Building an archive of ${revision()}: ${'reason' in found ? found.reason : 'netStorage.reuseArchive is false'}.`,
    )
    await invoke('net_storage:prepare_archive')
    const revisionTime = await git().commitTime(revision())
    const { archiver } = settings()
    const unpackedSize = await treeSize(shipit.netStorage.localReleasePath)
    const manifest = await store().store(
      archiver.pack(shipit.netStorage.localReleasePath, { mtime: revisionTime, signal: signal() }),
      {
        revision: revision(),
        revisionTime,
        release: required(shipit.releaseDirname, 'net_storage:prepare_archive'),
        createdBy: `${userInfo().username}@${hostname()}`,
        builtWith: builtWith(),
      },
      { replace: !('absent' in found && found.absent), archiver, unpackedSize, signal: signal() },
    )
    shipit.netStorage.manifest = manifest
    for (const { key, size } of manifest.parts) {
      shipit.log(
        `Uploaded ${settings().transport.description}/${key}, ${prettyBytes(size)} (${prettyBytes(unpackedSize)} unpacked).`,
      )
    }
  })

  const fetchOnto =
    (purpose: 'stage' | 'prefetch' | 'extract') =>
    async (host: Host): Promise<void> => {
      const { manifest } = shipit.netStorage
      const part = manifest?.parts[0]
      if (!manifest || !part)
        throw new DeployError(
          'E_NO_ARCHIVE',
          "There is no archive to deploy: run 'net_storage:upload_archive' first.",
        )
      const {
        transport,
        retries,
        jitter = defaultJitter(hosts().length),
        downloadTimeout,
        downloadRateLimit,
      } = settings()
      if (jitter > 0) await wait(Math.random() * jitter * 1000, undefined, { signal: signal() })
      await host.script(
        script('stage').with({
          deploy_to: deployTo(),
          purpose,
          release: purpose === 'stage' ? required(shipit.releaseDirname, 'deploy:check') : '',
          revision: manifest.revision,
          revision_time: manifest.revisionTime,
          archives_path: archivesPath(),
          unpack_command: archiverFor(part.format, settings().archiver).unpackCommand,
          archive: posix.basename(part.key),
          size: part.size,
          sha256: part.sha256,
          unpacked_size: part.unpackedSize ?? 0,
          delays: retryDelays(retries),
          timeout: downloadTimeout ?? '',
          rate_limit: downloadRateLimit ?? '',
          ...sourceVariables(await transport.source(part.key), quote),
        }),
      )
    }

  desc('Has every server fetch, verify and unpack the archive', {
    runsOn: 'servers',
    invokes: ['deploy:symlink:shared', 'net_storage:upload_config_files'],
  })
  task('net_storage:create_release', ['net_storage:upload_archive'], async () => {
    await on(hosts(), { limit: settings().maxParallels }, fetchOnto('stage'))
    // Linked before it is a release: a release that is there is whole.
    await invoke('deploy:symlink:shared')
    await invoke('net_storage:upload_config_files')
    const promote = script('promote').with({ deploy_to: deployTo(), release: String(shipit.releaseDirname) })
    await on(hosts(), (host) => host.script(promote))
    shipit.log(`${hosts().length} servers have release ${shipit.releaseDirname}, verified.`)
  })

  desc('Has every server fetch and verify the archive ahead of time; nothing goes live', {
    runsOn: 'deploy machine and servers',
  })
  task('net_storage:prefetch', ['net_storage:check', 'net_storage:upload_archive'], async () => {
    const extract = settings().prefetch === 'extract'
    await on(hosts(), { limit: settings().maxParallels }, fetchOnto(extract ? 'extract' : 'prefetch'))
    shipit.log(`${hosts().length} servers have the archive of ${revision()}${extract ? ', unpacked' : ''}.`)
  })

  desc('Deploys what storage has: the branch, or to servers that HOSTS names what the others run')
  task('net_storage:pull_deploy', ['deploy'])

  dsl.statusColumn('prefetched', async (host) => {
    const prefetched = script('prefetched').with({ deploy_to: deployTo(), archives_path: archivesPath() })
    const { revision: revisions = [] } = await host.script(prefetched)
    return revisions.map((each) => each.slice(0, 12)).join(', ') || '-'
  })

  desc('Sends config files to the servers, over ssh', { runsOn: 'servers' })
  task('net_storage:upload_config_files', [], async () => {
    const files = await findConfigFiles(settings().configFiles)
    if (files.length === 0) return
    const { configDir, configFileMode: mode, multiAppMode, uploadConfigFilesBy, rsyncOptions } = settings()
    const config = {
      deploy_to: deployTo(),
      release: String(shipit.releaseDirname),
      config_dir: posix.join(multiAppMode ? String(shipit.config.application) : '', configDir),
    }
    if (uploadConfigFilesBy === 'rsync') {
      await withConfigFolder(files, mode, (folder) =>
        on(hosts(), (host) => copyConfigFiles(host, folder, { ...config, rsyncOptions })),
      )
    } else {
      const configure = script('configure').with(config)
      await on(hosts(), (host) => host.script(configure, { input: packConfigFiles(files, mode) }))
    }
    shipit.log(`Sent ${files.length} config files to ${hosts().length} servers.`)
  })

  desc('Removes archives that nobody has a release of', { runsOn: 'deploy machine and servers' })
  task('net_storage:cleanup', [], async () => {
    try {
      const clean = script('clean').with({ deploy_to: deployTo(), archives_path: archivesPath() })
      const facts = await on(hosts(), (host) => host.script(clean))
      await cleanLocal(settings().localBasePath, shipit.netStorage.localReleasePath)
      if (dsl.leftOut().length > 0) {
        shipit.log('Storage is not cleaned up: only all servers together tell what is in use.')
        return
      }
      await inUse().replace(new Set(facts.flatMap((each) => each['revision'] ?? [])))
      for (const key of await store().clean(settings().keepRemoteArchives, await inUse().all()))
        shipit.log(`Removed ${key} from storage.`)
    } catch (error) {
      // What is live is live: an archive too many is no reason to call the deploy failed.
      shipit.log(
        `Warning: old archives could not be removed everywhere; the next deploy tries again.\n${String(error)}`,
      )
    }
  })

  dsl.plansRevision(() => git().find(branch()))

  desc('Updates the mirror, and resolves the branch to a commit', { runsOn: 'deploy machine' })
  replace('deploy:fetch', ['net_storage:prepare_mirror_repository'], () => {
    shipit.emit('fetched')
  })
  replace('pending:log', [], async () => {
    const facts = await on(hosts(), (host) => host.script(script('revision').with({ deploy_to: deployTo() })))
    const deployed = new Set(facts.flatMap((each) => each['revision'] ?? []))
    if (deployed.size === 0) shipit.log('\nNothing is deployed yet.')
    for (const each of deployed) {
      const commits = await git().log(each, revision(), shipit.config.gitLogFormat ?? '%h: %s - %an')
      shipit.log(commits ? `\nPending commits:\n${commits}` : '\nNo pending commits.')
    }
  })
  desc('Has every server make the release from the archive in storage', { runsOn: 'servers' })
  replace('deploy:update', ['net_storage:create_release'], () => {
    shipit.emit('updated')
  })
  before('deploy:check', 'net_storage:check')
  after('deploy:finishing', 'net_storage:cleanup')
}

/** Removes a run's release tree, and what runs that were killed left behind; a day's grace spares one that is under way. */
async function cleanLocal(basePath: string, own: string): Promise<void> {
  await rm(own, { recursive: true, force: true })
  const releases = join(basePath, 'releases')
  const names = await readdir(releases).catch(() => [])
  for (const path of names.map((name) => join(releases, name))) {
    const { mtimeMs } = await stat(path)
    if (mtimeMs < Date.now() - 24 * 60 * 60 * 1000) await rm(path, { recursive: true, force: true })
  }
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (stats) => stats.isDirectory(),
    () => false,
  )
}

/** Waits for all, and reports everything that is wrong at once. */
async function all(checks: readonly Promise<unknown>[]): Promise<void> {
  const errors = (await Promise.allSettled(checks)).flatMap((outcome) =>
    outcome.status === 'rejected' ? [outcome.reason as Error] : [],
  )
  if (errors.length > 1) throw new DeployError('E_CHECK', errors.map(String).join('\n'), { cause: errors })
  if (errors[0]) throw errors[0]
}

function required(value: string | undefined, task: string): string {
  if (!value) throw new DeployError('E_TASK_MISSING', `Run '${task}' first: this task builds on it.`)
  return value
}
