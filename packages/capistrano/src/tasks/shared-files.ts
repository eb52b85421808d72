import { posix as path } from 'node:path'
import type { Ask } from '../run/trips.js'
import type { Shipit } from '../shipit/shipit.js'
import type { Host } from '../ssh/host.js'
import { serverScript } from '../ssh/script.js'
import type { FlowDsl } from './flow-dsl.js'

/** The dependencies of `deploy:check`. */
export const CHECKS = [
  'deploy:check:directories',
  'deploy:check:linked_dirs',
  'deploy:check:make_linked_dirs',
  'deploy:check:linked_files',
] as const

/** Shared files and folders. */
export interface SharedFiles {
  /** Links them into the run's release on some servers. */
  readonly link: (hosts: readonly Host[]) => Promise<void>
}

/**
 * Defines the tasks for `linkedFiles` and `linkedDirs`, which all releases share. Capistrano's tasks of these names.
 */
export function defineSharedFiles(
  shipit: Shipit,
  { replace, desc, releaseRoles, on, after, plugin }: FlowDsl,
): SharedFiles {
  const files = (): readonly string[] => shipit.config.linkedFiles ?? []
  const dirs = (): readonly string[] => shipit.config.linkedDirs ?? []

  /** The function of a task that creates and checks folders. */
  const checkFolders = (folders: () => readonly string[]) =>
    plugin.check(async (hosts, ask) => {
      if (folders().length === 0) return
      const script = serverScript('check-folders').with({
        deploy_to: plugin.deployTo(),
        folders: folders().join('\n'),
      })
      await ask(hosts, (host) => host.script(script))
    })
  const link = async (
    ask: Ask,
    hosts: readonly Host[],
    kind: 'file' | 'folder',
    paths: readonly string[],
  ): Promise<void> => {
    if (paths.length === 0) return
    const script = serverScript('link-shared').with({
      deploy_to: plugin.deployTo(),
      release: plugin.run.chosenRelease(),
      kind,
      paths: paths.join('\n'),
    })
    await ask(hosts, (host) => host.script(script))
  }

  desc("Creates the application's folders on the servers, and checks that they are writable", {
    runsOn: 'servers',
  })
  replace(
    'deploy:check:directories',
    [],
    checkFolders(() => ['releases', 'shared']),
  )

  desc('Creates the shared folders that releases link to', { runsOn: 'servers' })
  replace(
    'deploy:check:linked_dirs',
    [],
    checkFolders(() => dirs().map((dir) => path.join('shared', dir))),
  )

  desc('Creates the folders of the shared files that releases link to', { runsOn: 'servers' })
  replace(
    'deploy:check:make_linked_dirs',
    [],
    checkFolders(() => [...new Set(files().map((file) => path.join('shared', path.dirname(file))))]),
  )

  desc('Checks that the shared files that releases link to exist', { runsOn: 'servers' })
  const checkFiles = plugin.check(async (hosts, ask) => {
    if (files().length === 0) return
    const script = serverScript('check-linked-files').with({
      deploy_to: plugin.deployTo(),
      files: files().join('\n'),
    })
    await ask(hosts, (host) => host.script(script))
  })
  replace('deploy:check:linked_files', [], checkFiles)

  desc('Links shared files into the release', { runsOn: 'servers' })
  replace(
    'deploy:symlink:linked_files',
    [],
    plugin.joins((ask) => link(ask, releaseRoles('all'), 'file', files())),
  )

  desc('Links shared folders into the release', { runsOn: 'servers' })
  replace(
    'deploy:symlink:linked_dirs',
    [],
    plugin.joins((ask) => link(ask, releaseRoles('all'), 'folder', dirs())),
  )

  desc('Links shared files and folders into the release', { runsOn: 'servers' })
  replace('deploy:symlink:shared', ['deploy:symlink:linked_files', 'deploy:symlink:linked_dirs'])
  after('deploy:update', 'deploy:symlink:shared')

  return {
    async link(hosts) {
      await link(on, hosts, 'file', files())
      await link(on, hosts, 'folder', dirs())
    },
  }
}
