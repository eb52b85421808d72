import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { allChecks, type Host } from 'shipit-capistrano'
import { findConfigFiles } from '../config-files/config-files.js'
import { runFetching, type KnownObject } from '../servers/fetch.js'
import { checkLinkedDirs } from '../installer/dependencies.js'
import type { Installer } from '../installer/installer.js'
import type { Transport } from '../transport/transport.js'
import type { Deployment } from './deployment.js'

/** Defines `net_storage:check`: what can be known to be wrong is said before anything is changed. */
export function defineCheck(deployment: Deployment): void {
  const { shipit, dsl } = deployment
  const { task, desc, check, before, on, flow } = dsl

  const checkServers = async (hosts: readonly Host[], stored: Promise<KnownObject>): Promise<void> => {
    const { settings, deployTo, archivesPath } = deployment
    const { transport, archiver } = settings
    const programs = [...archiver.serverPrograms, ...(transport.serverPrograms ?? [])].join(' ')
    const script = deployment
      .script('download', 'fetch', 'check')
      .with({ deploy_to: deployTo, archives_path: archivesPath, programs })
    // Without storage, the rest of a server can be checked all the same.
    const probe = await stored.catch(() => undefined)
    try {
      await on(hosts, { limit: settings.maxParallels }, (host) =>
        probe
          ? runFetching(host, script, probe, settings, (line) => shipit.log(line))
          : host.script(script.with({ object: '' })),
      )
    } finally {
      // If not, it is removed by a later clean-up, and servers' errors are what matters.
      if (probe) await transport.remove([probe.key]).catch(() => {})
    }
  }

  const checkLinks = async (installer: Installer): Promise<void> => {
    const folder = deployment.settings.multiAppMode ? deployment.application : ''
    checkLinkedDirs(shipit.config.linkedDirs ?? [], { installer, folder })
  }

  const checkAll = check(async (hosts) => {
    if (flow() === 'rollback') {
      shipit.log('Going back needs neither repository nor storage.')
      return
    }
    const { settings, scm, branch, pulling, localFolder, selection } = deployment
    const live = await deployment.live()
    const { transport, installer } = settings
    await localFolder.make()
    // From here to where it is awaited, nothing else is: its failure would be nobody's.
    const stored = checkStorage(transport, (line) => shipit.log(line))
    await allChecks([
      ...(live ? [] : [scm.check(branch)]),
      stored,
      settings.archiver.check(),
      selection.check(),
      // One that is found by its lockfile is known once there is a commit.
      ...(typeof installer === 'object' && !pulling ? [installer.identity(), checkLinks(installer)] : []),
      findConfigFiles(settings.configFiles),
      checkServers(hosts, stored),
    ])
  })
  desc("Checks repository, branch, storage, config files, and the servers' tools", {
    runsOn: 'deploy machine and servers',
  })
  task('net_storage:check', [], checkAll)
  before('deploy:check', 'net_storage:check')
}

/** Proves that storage works, and stores a small object, for servers to try whether they can fetch one. */
async function checkStorage(transport: Transport, log: (line: string) => void): Promise<KnownObject> {
  const notes = await transport.check()
  for (const note of notes ?? []) log(`Note: ${note}`)
  const content = randomBytes(64)
  const key = `checks/${randomUUID()}`
  await transport.put(key, content)
  return { key, size: content.length, sha256: createHash('sha256').update(content).digest('hex') }
}
