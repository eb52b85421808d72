import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { allChecks, type Host } from 'shipit-capistrano'
import { findConfigFiles } from '../config-files/config-files.js'
import type { Deployment } from '../deployment.js'
import { checkLinkedDirs } from '../installer/dependencies.js'
import type { Installer } from '../installer/installer.js'
import { runFetching, type KnownObject } from '../servers/fetch.js'
import { serverScript } from '../servers/scripts.js'
import type { Transport } from '../transport/transport.js'

/** Checks repository, branch, storage, what this machine builds with, and the servers: all at the same time. */
export async function checkAll(deployment: Deployment, hosts: readonly Host[]): Promise<void> {
  const { shipit, run, plugin, settings, scm, localFolder, selection } = deployment
  if (run.kind === 'rollback') {
    shipit.log('Going back needs neither repository nor storage.')
    return
  }
  const live = await deployment.live()
  const { transport, installer, archiver, configFiles } = settings
  await localFolder.make()
  // From here to where it is awaited, nothing else is: its failure would be nobody's.
  const stored = checkStorage(transport, (line) => shipit.log(line))
  await allChecks([
    ...(live ? [] : [scm.check(plugin.branch())]),
    stored,
    archiver.check(),
    selection.check(),
    // One that is found by its lockfile is known once there is a commit.
    ...(typeof installer === 'object' && run.kind !== 'pull'
      ? [installer.identity(), checkLinks(deployment, installer)]
      : []),
    findConfigFiles(configFiles),
    checkServers(deployment, hosts, stored),
  ])
}

async function checkLinks(
  { shipit, settings, application }: Deployment,
  installer: Installer,
): Promise<void> {
  const folder = settings.multiAppMode ? application : ''
  checkLinkedDirs(shipit.config.linkedDirs ?? [], { installer, folder })
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

async function checkServers(
  { shipit, dsl, plugin, settings, archivesPath }: Deployment,
  hosts: readonly Host[],
  stored: Promise<KnownObject>,
): Promise<void> {
  const { transport, archiver, maxParallels: limit } = settings
  const programs = [...archiver.serverPrograms, ...(transport.serverPrograms ?? [])].join(' ')
  const script = serverScript('check').with({
    deploy_to: plugin.deployTo(),
    archives_path: archivesPath,
    programs,
  })
  // Without storage, the rest of a server can be checked all the same.
  const probe = await stored.catch(() => undefined)
  try {
    await dsl.on(hosts, { limit }, (host) =>
      probe
        ? runFetching(host, script, probe, settings, (line) => shipit.log(line))
        : host.script(script.with({ object: '' })),
    )
  } finally {
    // If not, it is removed by a later clean-up, and servers' errors are what matters.
    if (probe) await transport.remove([probe.key]).catch(() => {})
  }
}
