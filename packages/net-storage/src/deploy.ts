import type { Capistrano } from 'shipit-capistrano'
import type { Deployment } from './deployment.js'
import { provideArchive } from './steps/archive.js'
import { checkAll } from './steps/check.js'
import { cleanUp } from './steps/clean-up.js'
import { sendConfigFiles } from './steps/config-files.js'
import { describePrefetched, prefetch } from './steps/prefetch.js'
import { announceRelease, makeRelease, restoreRelease } from './steps/release.js'
import { listPending, resolveRevision } from './steps/revision.js'
import { fillWorkspace, openWorkspace } from './steps/workspace.js'

const DEPLOY_MACHINE = { runsOn: 'deploy machine' } as const
const SERVERS = { runsOn: 'servers' } as const
const BOTH = { runsOn: 'deploy machine and servers' } as const

/**
 * A pull deploy, from the first check to the clean-up: its hookable tasks, in the order in which they run.
 * The tasks around them, such as publishing and rollback, are shipit-capistrano's.
 * @param current returns the running deploy
 */
export function definePullDeploy(
  { task, desc, before, after, plugin }: Capistrano,
  current: () => Deployment,
): void {
  // Report every error that can be found before anything is changed.
  desc("Checks repository, branch, storage, config files, and the servers' tools", BOTH)
  task(
    'net_storage:check',
    [],
    plugin.check((hosts, ask) => checkAll(current(), hosts, ask)),
  )
  before('deploy:check', 'net_storage:check')

  // On the deploy machine: find the commit, and build it in a folder.
  desc('Updates the mirror, and resolves the branch to a commit', DEPLOY_MACHINE)
  task('net_storage:prepare_mirror_repository', [], () => resolveRevision(current()))
  desc('Names the workspace, and creates it early if something builds in it', DEPLOY_MACHINE)
  plugin.replace('deploy:fetch', ['net_storage:prepare_mirror_repository'], () => openWorkspace(current()))
  desc(
    'Extracts the commit and installs its dependencies. Hook builds after it; skipped when storage has the archive',
    DEPLOY_MACHINE,
  )
  task('net_storage:prepare_archive', ['net_storage:prepare_mirror_repository'], () =>
    fillWorkspace(current()),
  )

  // One archive in storage: an existing one, or a new one of the build.
  desc('Builds the archive and uploads it, unless storage has it', {
    ...DEPLOY_MACHINE,
    invokes: ['net_storage:prepare_archive'],
  })
  // Shipit does not wait for plain tasks: one that builds may still be running.
  plugin.barrier('net_storage:upload_archive')
  task('net_storage:upload_archive', ['net_storage:prepare_mirror_repository'], () =>
    provideArchive(current()),
  )

  // On every server: a release made from it, not live yet.
  desc('Fetches, verifies and unpacks the archive on every server', {
    ...SERVERS,
    invokes: ['deploy:symlink:shared', 'net_storage:upload_config_files'],
  })
  task('net_storage:create_release', ['net_storage:upload_archive'], () => makeRelease(current()))
  desc('Sends config files to the servers', SERVERS)
  task(
    'net_storage:upload_config_files',
    [],
    plugin.joins(
      (ask) => sendConfigFiles(current(), current().hosts, ask),
      undefined,
      () => current().settings.uploadConfigFilesBy === 'rsync',
    ),
  )
  desc('Makes the release from the archive in storage on every server', SERVERS)
  plugin.replace('deploy:update', ['deploy:check', 'net_storage:create_release'], () =>
    announceRelease(current()),
  )
  plugin.restoreRelease((hosts, release) => restoreRelease(current(), hosts, release))

  // The release is live: remove what is no longer needed. A hook, not a phase: a shipitfile's own task list has no phases.
  desc('Removes archives that no release uses', BOTH)
  task(
    'net_storage:cleanup',
    [],
    plugin.joins((ask) => cleanUp(current(), ask), 'deploy:log_revision'),
  )
  after('deploy:clean', 'net_storage:cleanup')

  // Stand-alone tasks.
  desc('Fetches and verifies the archive on every server in advance; nothing goes live', BOTH)
  task('net_storage:prefetch', ['net_storage:check', 'net_storage:upload_archive'], () => prefetch(current()))
  desc('Deploys what storage has: the branch, or with HOSTS, the release that the other servers run')
  task('net_storage:pull_deploy', ['deploy'])
  plugin.pullTask('net_storage:pull_deploy')
  plugin.replace('pending:log', ['net_storage:prepare_mirror_repository'], () => listPending(current()))
  plugin.plannedRevision(() => current().scm.find(plugin.branch()))
  plugin.statusColumn('prefetched', (host) => describePrefetched(current(), host))
}
