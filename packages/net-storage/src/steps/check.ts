import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { allChecks, type Ask, type Host } from 'shipit-capistrano'
import { findConfigFiles } from '../config-files/config-files.js'
import type { Deployment } from '../deployment.js'
import { checkLinkedDirs } from '../installer/dependencies.js'
import type { Installer } from '../installer/installer.js'
import { lookAhead } from './ahead.js'
import { runFetching, type KnownObject } from '../servers/fetch.js'
import { serverScript } from '../servers/scripts.js'
import type { Transport } from '../transport/transport.js'

/** Checks repository, branch, storage, the build tools of this machine, and the servers, all in parallel. */
export async function checkAll(deployment: Deployment, hosts: readonly Host[], ask: Ask): Promise<void> {
  const { shipit, run, settings, localFolder, selection } = deployment
  if (run.kind === 'rollback') {
    shipit.log('A rollback needs neither the repository nor storage: not checked.')
    return
  }
  const live = await deployment.live()
  const { transport, installer, archiver, configFiles } = settings
  await localFolder.make()
  // Await nothing between here and `allChecks`: a rejection would go unhandled.
  const stored = checkStorage(transport, (line) => shipit.log(line))
  await allChecks([
    ...(live ? [] : [checkRepository(deployment)]),
    stored,
    archiver.check(),
    selection.check(),
    // With `auto`, the installer is known only once the commit is.
    ...(typeof installer === 'object' && run.kind !== 'pull'
      ? [installer.identity(), checkLinks(deployment, installer)]
      : []),
    findConfigFiles(configFiles),
    checkServers(deployment, hosts, ask, stored),
  ])
}

/** Checks repository and branch; already updates the mirror, if the deploy may look ahead. */
async function checkRepository(deployment: Deployment): Promise<void> {
  const { plugin, scm } = deployment
  deployment.ahead = lookAhead(deployment)
  try {
    await deployment.ahead?.revision
    if (deployment.ahead) return
  } catch {
    deployment.ahead = undefined
  }
  // It knows what to do about what is wrong.
  await scm.check(plugin.branch())
}

async function checkLinks(
  { shipit, settings, application }: Deployment,
  installer: Installer,
): Promise<void> {
  const folder = settings.multiAppMode ? application : ''
  checkLinkedDirs(shipit.config.linkedDirs ?? [], { installer, folder })
}

/** Checks that storage works, and stores a small object that servers fetch as a test. */
async function checkStorage(transport: Transport, log: (line: string) => void): Promise<KnownObject> {
  const notes = await transport.check()
  for (const note of notes ?? []) log(`Note: ${note}`)
  const content = randomBytes(64)
  const key = `checks/${randomUUID()}`
  await transport.put(key, content)
  return { key, size: content.length, sha256: createHash('sha256').update(content).digest('hex') }
}

async function checkServers(
  { shipit, plugin, settings, archivesPath }: Deployment,
  hosts: readonly Host[],
  ask: Ask,
  stored: Promise<KnownObject>,
): Promise<void> {
  const { transport, archiver, maxParallels: limit } = settings
  const programs = [...archiver.serverPrograms, ...(transport.serverPrograms ?? [])].join(' ')
  const script = serverScript('check').with({
    deploy_to: plugin.deployTo(),
    archives_path: archivesPath,
    programs,
  })
  // Without storage, check the rest of each server anyway.
  const probed = stored.catch(() => undefined)
  try {
    await ask(hosts, { limit }, async (host) => {
      const probe = await probed
      return probe
        ? runFetching(host, script, probe, settings, (line) => shipit.log(line))
        : host.script(script.with({ object: '' }))
    })
  } finally {
    const probe = await probed
    // If this fails, a later clean-up removes it; the servers' errors matter more.
    if (probe) await transport.remove([probe.key]).catch(() => {})
  }
}
