import { posix } from 'node:path'
import { counted, type Host } from 'shipit-capistrano'
import { findConfigFiles } from '../config-files/config-files.js'
import { copyConfigFiles, withConfigFolder } from '../config-files/over-rsync.js'
import { packConfigFiles } from '../config-files/over-ssh.js'
import type { Deployment } from '../deployment.js'
import { serverScript } from '../servers/scripts.js'

/** Sends this machine's config files to servers, into the release being staged. They never go to storage. */
export async function sendConfigFiles(deployment: Deployment, hosts: readonly Host[]): Promise<void> {
  const { shipit, dsl, plugin, run, settings, application } = deployment
  const { configDir, configFileMode: mode, multiAppMode, uploadConfigFilesBy, rsyncOptions } = settings
  const files = await findConfigFiles(settings.configFiles)
  if (files.length === 0) return
  const config = {
    deploy_to: plugin.deployTo(),
    release: run.chosenRelease(),
    config_dir: posix.join(multiAppMode ? application : '', configDir),
  }
  if (uploadConfigFilesBy === 'rsync') {
    await withConfigFolder(files, mode, (folder) =>
      dsl.on(hosts, (host) => copyConfigFiles(host, folder, { ...config, rsyncOptions })),
    )
  } else {
    const configure = serverScript('configure').with(config)
    await dsl.on(hosts, (host) => host.script(configure, { input: packConfigFiles(files, mode) }))
  }
  shipit.log(`Sent ${counted(files.length, 'config file')} to ${counted(hosts.length, 'server')}.`)
}
