import { posix } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { counted, DeployError, type Host } from 'shipit-capistrano'
import { archiverFor } from '../archiver/archivers.js'
import { findConfigFiles } from '../config-files/config-files.js'
import { copyConfigFiles, withConfigFolder } from '../config-files/over-rsync.js'
import { packConfigFiles } from '../config-files/over-ssh.js'
import { Progress } from '../progress/progress.js'
import { runFetching } from '../servers/fetch.js'
import { defaultJitter } from '../settings.js'
import { required, type Deployment } from './deployment.js'

/** What a server does with the archive: makes a release of it, keeps it, or keeps it and unpacks it. */
type Purpose = 'stage' | 'prefetch' | 'extract'

/** Defines the tasks that bring the archive to the servers, and make a release of it. */
export function defineRelease(deployment: Deployment): void {
  const { shipit, dsl } = deployment
  const { task, desc, invoke, on, signal, statusColumn, restoreRelease } = dsl

  const fetchOnto = async (
    host: Host,
    purpose: Purpose,
    manifest = shipit.netStorage.manifest,
  ): Promise<void> => {
    const { settings, hosts, deployTo, archivesPath } = deployment
    const part = manifest?.parts[0]
    if (!manifest || !part) {
      throw new DeployError(
        'E_NO_ARCHIVE',
        "There is no archive to deploy: run 'net_storage:upload_archive' first.",
      )
    }
    const jitter = settings.jitter ?? defaultJitter(hosts.length)
    if (jitter > 0) await wait(Math.random() * jitter * 1000, undefined, { signal: signal() })
    const script = deployment.script('download', 'fetch', 'stage').with({
      deploy_to: deployTo,
      purpose,
      release: purpose === 'stage' ? required(shipit.releaseDirname, 'deploy:check') : '',
      revision: manifest.revision,
      revision_time: manifest.revisionTime,
      archives_path: archivesPath,
      unpack_command: archiverFor(part.format, settings.archiver).unpackCommand,
      unpacked_size: part.unpackedSize ?? 0,
    })
    await runFetching(host, script, part, settings, (line) => shipit.log(line))
  }

  const fetchOntoAll = async (purpose: Purpose): Promise<void> => {
    const { hosts, settings } = deployment
    const progress = new Progress({ title: 'Servers that have it', total: hosts.length, format: String })
    try {
      await on(hosts, { limit: settings.maxParallels }, async (host) => {
        await fetchOnto(host, purpose)
        progress.add(1)
      })
    } finally {
      progress.stop()
    }
  }

  desc('Has every server fetch, verify and unpack the archive', {
    runsOn: 'servers',
    invokes: ['deploy:symlink:shared', 'net_storage:upload_config_files'],
  })
  task('net_storage:create_release', ['net_storage:upload_archive'], async () => {
    const { hosts, deployTo } = deployment
    await fetchOntoAll('stage')
    // Linked and configured before it is a release: a release that is there is whole.
    await invoke('deploy:symlink:shared')
    await invoke('net_storage:upload_config_files')
    const release = String(shipit.releaseDirname)
    const promote = deployment.script('promote').with({ deploy_to: deployTo, release })
    await on(hosts, (host) => host.script(promote))
    shipit.log(`${counted(hosts.length, 'server has', 'servers have')} release ${release}, verified.`)
  })

  const sendConfigFiles = async (hosts: readonly Host[]): Promise<void> => {
    const { settings, application } = deployment
    const { configDir, configFileMode: mode, multiAppMode, uploadConfigFilesBy, rsyncOptions } = settings
    const files = await findConfigFiles(settings.configFiles)
    if (files.length === 0) return
    const config = {
      deploy_to: deployment.deployTo,
      release: String(shipit.releaseDirname),
      config_dir: posix.join(multiAppMode ? application : '', configDir),
    }
    if (uploadConfigFilesBy === 'rsync') {
      await withConfigFolder(files, mode, (folder) =>
        on(hosts, (host) => copyConfigFiles(host, folder, { ...config, rsyncOptions })),
      )
    } else {
      const configure = deployment.script('configure').with(config)
      await on(hosts, (host) => host.script(configure, { input: packConfigFiles(files, mode) }))
    }
    shipit.log(`Sent ${counted(files.length, 'config file')} to ${counted(hosts.length, 'server')}.`)
  }

  desc('Sends config files to the servers', { runsOn: 'servers' })
  task('net_storage:upload_config_files', [], () => sendConfigFiles(deployment.hosts))

  restoreRelease(async (hosts, { revision = '' }) => {
    const manifest = await deployment.archiveOf(revision)
    await on(hosts, { limit: deployment.settings.maxParallels }, (host) => fetchOnto(host, 'stage', manifest))
    await sendConfigFiles(hosts)
  })

  desc('Has every server fetch and verify the archive ahead of time; nothing goes live', {
    runsOn: 'deploy machine and servers',
  })
  task('net_storage:prefetch', ['net_storage:check', 'net_storage:upload_archive'], async () => {
    const { settings, hosts, revision } = deployment
    const extract = settings.prefetch === 'extract'
    await fetchOntoAll(extract ? 'extract' : 'prefetch')
    const all = counted(hosts.length, 'server has', 'servers have')
    shipit.log(`${all} the archive of ${revision}${extract ? ', unpacked' : ''}.`)
  })

  desc('Deploys what storage has: the branch, or to servers that HOSTS names what the others run')
  task('net_storage:pull_deploy', ['deploy'])

  statusColumn('prefetched', async (host) => {
    const { deployTo, archivesPath } = deployment
    const script = deployment.script('prefetched').with({ deploy_to: deployTo, archives_path: archivesPath })
    const { revision: revisions = [] } = await host.script(script)
    return revisions.map((revision) => revision.slice(0, 12)).join(', ') || '-'
  })
}
