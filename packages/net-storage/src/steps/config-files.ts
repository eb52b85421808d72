import { posix } from 'node:path'
import { counted, type Ask, type Host } from 'shipit-capistrano'
import { findConfigFiles } from '../config-files/config-files.js'
import { copyConfigFiles, withConfigFolder } from '../config-files/over-rsync.js'
import { escapeBytes, packConfigFiles } from '../config-files/over-ssh.js'
import type { Deployment } from '../deployment.js'
import { serverScript } from '../servers/scripts.js'

/** Bytes of packed config files up to which they travel in the script itself: input takes a round trip of its own. */
const MAX_IN_SCRIPT = 64 * 1024

/** Sends this machine's config files to servers, into the release being staged. They never go to storage. */
export async function sendConfigFiles(
  deployment: Deployment,
  hosts: readonly Host[],
  ask: Ask,
): Promise<void> {
  const { shipit, plugin, run, settings, application } = deployment
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
      ask(hosts, (host) => copyConfigFiles(host, folder, { ...config, rsyncOptions })),
    )
  } else {
    const configure = serverScript('configure').with(config)
    const packed = await packConfigFiles(files, mode)
    const isSmall = packed.length <= MAX_IN_SCRIPT
    await ask(hosts, (host) =>
      isSmall
        ? host.script(configure.with({ content: escapeBytes(packed) }))
        : host.script(configure.with({ content: '' }), { input: [packed] }),
    )
  }
  shipit.log(`Sent ${counted(files.length, 'config file')} to ${counted(hosts.length, 'server')}.`)
}
