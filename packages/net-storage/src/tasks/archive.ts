import { stat } from 'node:fs/promises'
import { hostname } from 'node:os'
import { posix } from 'node:path'
import prettyBytes from 'pretty-bytes'
import { currentUser, DeployError } from 'shipit-capistrano'
import type { ArchiveStore } from '../archive/archive-store.js'
import type { BuiltWith, Manifest } from '../archive/manifest.js'
import { treeSize } from '../archiver/tree-size.js'
import { installDependencies } from '../installer/dependencies.js'
import { Progress } from '../progress/progress.js'
import { findBuilders } from './builders.js'
import type { Deployment } from './deployment.js'

/** Defines the tasks that make an archive of a commit, and put it in storage. */
export function defineArchive(deployment: Deployment): void {
  const { shipit, dsl } = deployment
  const { task, desc, barrier, invoke, isPartOfRun, signal } = dsl

  desc('Updates the mirror, and resolves the branch to a commit', { runsOn: 'deploy machine' })
  task('net_storage:prepare_mirror_repository', [], async () => {
    const { scm, branch, deployTo, localFolder } = deployment
    const live = await deployment.live()
    if (live) {
      shipit.currentRevision = live.revision
      shipit.releaseDirname = live.release
      shipit.releasePath = posix.join(deployTo, 'releases', live.release)
      shipit.log(`The other servers run release ${live.release}, commit ${live.revision}.`)
      return
    }
    await localFolder.make()
    await scm.update(branch)
    shipit.currentRevision = await scm.resolve(branch)
    shipit.log(`${branch} is commit ${shipit.currentRevision}.`)
  })

  desc(
    'Extracts the commit and installs its dependencies. Hook builds behind it; not run when storage has the archive',
    {
      runsOn: 'deploy machine',
    },
  )
  task('net_storage:prepare_archive', ['net_storage:prepare_mirror_repository'], async () => {
    const { scm, revision, application, settings, localFolder, workspace } = deployment
    shipit.workspace = workspace.path
    await localFolder.claimReleaseTree(workspace.name)
    await scm.checkOut(revision, workspace.path)
    if (settings.multiAppMode && !(await isFolder(shipit.netStorage.localReleaseAppPath))) {
      throw new DeployError(
        'E_APPLICATION',
        `netStorage.multiAppMode: commit ${revision} has no folder '${application}', as the application is called.`,
      )
    }
    const log = (line: string): void => shipit.log(line)
    await installDependencies(await deployment.dependencies(log), {
      directory: workspace.path,
      cachePath: localFolder.cache,
      signal: signal(),
      log,
    })
    workspace.isMade = true
  })

  desc('Builds the archive and uploads it, unless storage has it', {
    runsOn: 'deploy machine',
    invokes: ['net_storage:prepare_archive'],
  })
  // Shipit's plain tasks are not waited for: one that builds may be at it still.
  barrier('net_storage:upload_archive')
  task('net_storage:upload_archive', ['net_storage:prepare_mirror_repository'], async () => {
    const { revision, settings, pulling, archivesInUse, buildHooks, workspace } = deployment
    // By itself, it has those build that listen to what is fetched, as a deploy does.
    if (!pulling && !isPartOfRun('deploy:fetch') && findBuilders(deployment).length > 0)
      await invoke('deploy:fetch')
    const made = workspace.isMade ? await selected() : undefined
    const builtWith = pulling ? undefined : await deployment.builtWith(made)
    const store = await deployment.builds()
    const isReused = pulling || (settings.reuseArchive && process.env['REBUILD'] !== '1')
    // Noted first: from here on no other environment removes it.
    await archivesInUse.add(revision)
    const found = builtWith
      ? await deployment.find(revision, builtWith)
      : await deployment.findBuilt(revision)
    if ('manifest' in found && isReused) {
      const { parts, createdAt, createdBy } = found.manifest
      shipit.netStorage.manifest = found.manifest
      const skipped =
        buildHooks.length > 0 && !made
          ? ` Not run, as it holds what they made: ${buildHooks.join(', ')}.`
          : ''
      shipit.log(`Reusing ${parts[0]?.key}, made ${createdAt} by ${createdBy}.${skipped}`)
      return
    }
    const reason =
      'reason' in found
        ? found.reason
        : settings.reuseArchive
          ? 'REBUILD is 1'
          : 'netStorage.reuseArchive is false'
    if (!builtWith) {
      throw new DeployError(
        'E_NO_ARCHIVE',
        `There is no archive of ${revision} to pull: ${reason}. Make one first: shipit ${shipit.environment} net_storage:upload_archive`,
      )
    }
    shipit.log(`Building an archive of ${revision}: ${reason}.`)
    if (!made) await invoke('net_storage:prepare_archive')
    const replace = !('absent' in found && found.absent)
    const directory = made ?? (await selected())
    shipit.netStorage.manifest = await packAndStore({ directory, store, replace, builtWith })
  })

  /** The folder that is packed. */
  const selected = async (): Promise<string> => {
    const { scm, selection, workspace, localFolder } = deployment
    await scm.leave(workspace.path)
    return selection.select(workspace.path, localFolder.releaseTree(`${workspace.name}.selected`))
  }

  const packAndStore = async (options: {
    readonly directory: string
    readonly store: ArchiveStore
    readonly replace: boolean
    readonly builtWith: BuiltWith
  }): Promise<Manifest> => {
    const { directory, store, replace, builtWith } = options
    const { revision, scm, settings } = deployment
    const { archiver, transport } = settings
    const release = shipit.releaseDirname ?? deployment.workspace.name
    const revisionTime = await scm.commitTime(revision)
    const unpackedSize = treeSize(directory)
    const progress = new Progress({
      title: 'Packing and uploading',
      total: unpackedSize,
      format: prettyBytes,
    })
    try {
      const onRead = (bytes: number): void => progress.add(bytes)
      const manifest = await store.store(
        archiver.pack(directory, { mtime: revisionTime, signal: signal(), onRead }),
        { revision, revisionTime, release, createdBy: `${currentUser()}@${hostname()}`, builtWith },
        { replace, archiver, unpackedSize, signal: signal() },
      )
      for (const { key, size } of manifest.parts) {
        const sizes = `${prettyBytes(size)} (${prettyBytes(unpackedSize)} unpacked)`
        shipit.log(`Uploaded ${transport.description}/${key}, ${sizes}.`)
      }
      return manifest
    } finally {
      progress.stop()
    }
  }
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (stats) => stats.isDirectory(),
    () => false,
  )
}
