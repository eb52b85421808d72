import { posix as path } from 'node:path'
import type { Capistrano } from '../capistrano.js'
import type { Shipit } from '../shipit/shipit.js'
import type { Host } from '../ssh/host.js'
import { Script } from '../ssh/script.js'

const directoriesScript = Script.file(new URL('../../server/check-directories.sh', import.meta.url))
const foldersScript = Script.file(new URL('../../server/make-folders.sh', import.meta.url))
const checkScript = Script.file(new URL('../../server/check-linked-files.sh', import.meta.url))
const linkScript = Script.file(new URL('../../server/link-shared.sh', import.meta.url))

/** What releases share. */
export interface SharedFiles {
  /** Links it into the run's release on some servers. */
  readonly link: (hosts: readonly Host[]) => Promise<void>
}

/**
 * Defines the tasks for `linkedFiles` and `linkedDirs`: what a release shares with those before and after it.
 * Capistrano's tasks of these names.
 */
export function defineSharedFiles(
  shipit: Shipit,
  { replace, desc, check, releaseRoles, on, after }: Capistrano,
): SharedFiles {
  const deployTo = (): string => String(shipit.config.deployTo)
  const files = (): readonly string[] => shipit.config.linkedFiles ?? []
  const dirs = (): readonly string[] => shipit.config.linkedDirs ?? []

  const makeFolders = async (hosts: readonly Host[], folders: readonly string[]): Promise<void> => {
    if (folders.length === 0) return
    const script = foldersScript.with({ deploy_to: deployTo(), folders: folders.join('\n') })
    await on(hosts, (host) => host.script(script))
  }
  const link = async (
    hosts: readonly Host[],
    kind: 'file' | 'folder',
    paths: readonly string[],
  ): Promise<void> => {
    if (paths.length === 0) return
    const script = linkScript.with({
      deploy_to: deployTo(),
      release: String(shipit.releaseDirname),
      kind,
      paths: paths.join('\n'),
    })
    await on(hosts, (host) => host.script(script))
  }

  desc("Makes the application's folders on the servers, and checks that they can be written", {
    runsOn: 'servers',
  })
  const checkDirectories = check(async (hosts) => {
    const script = directoriesScript.with({ deploy_to: deployTo() })
    await on(hosts, (host) => host.script(script))
  })
  replace('deploy:check:directories', [], checkDirectories)

  desc('Makes the shared folders that releases link to', { runsOn: 'servers' })
  const makeDirs = check((hosts) =>
    makeFolders(
      hosts,
      dirs().map((dir) => path.join('shared', dir)),
    ),
  )
  replace('deploy:check:linked_dirs', [], makeDirs)

  desc('Makes the folders of the shared files that releases link to', { runsOn: 'servers' })
  const makeFoldersOfFiles = check((hosts) =>
    makeFolders(hosts, [...new Set(files().map((file) => path.join('shared', path.dirname(file))))]),
  )
  replace('deploy:check:make_linked_dirs', [], makeFoldersOfFiles)

  desc('Checks that the shared files are there that releases link to', { runsOn: 'servers' })
  const checkFiles = check(async (hosts) => {
    if (files().length === 0) return
    const script = checkScript.with({ deploy_to: deployTo(), files: files().join('\n') })
    await on(hosts, (host) => host.script(script))
  })
  replace('deploy:check:linked_files', [], checkFiles)

  desc('Links shared files into the release', { runsOn: 'servers' })
  replace('deploy:symlink:linked_files', [], () => link(releaseRoles('all'), 'file', files()))

  desc('Links shared folders into the release', { runsOn: 'servers' })
  replace('deploy:symlink:linked_dirs', [], () => link(releaseRoles('all'), 'folder', dirs()))

  desc('Links what releases share into the release', { runsOn: 'servers' })
  replace('deploy:symlink:shared', ['deploy:symlink:linked_files', 'deploy:symlink:linked_dirs'])
  after('deploy:update', 'deploy:symlink:shared')

  return {
    async link(hosts) {
      await link(hosts, 'file', files())
      await link(hosts, 'folder', dirs())
    },
  }
}
