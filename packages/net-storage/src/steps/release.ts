import { setTimeout as wait } from 'node:timers/promises'
import { counted, DeployError, finishRelease, type Ask, type Host, type Release } from 'shipit-capistrano'
import { archiverFor } from '../archiver/archivers.js'
import type { Manifest } from '../archive/manifest.js'
import type { Deployment } from '../deployment.js'
import { Progress } from '../progress/progress.js'
import { serverScript } from '../servers/scripts.js'
import { runFetching } from '../servers/fetch.js'
import { defaultJitter } from '../settings.js'
import { sendConfigFiles } from './config-files.js'
import { installedTwice } from './installed-twice.js'

/** What a server does with the archive: stages a release from it, keeps it, or keeps and unpacks it. */
export type Purpose = 'stage' | 'prefetch' | 'extract'

/** Makes the release from the archive on every server; unpacked, linked and configured before it appears in `releases`. */
export async function makeRelease(deployment: Deployment): Promise<void> {
  const { shipit, dsl, plugin, run, hosts } = deployment
  await plugin.inOrder(async (join) => {
    await join((ask) => fetchOntoAll(deployment, 'stage', ask))
    await dsl.invoke('deploy:symlink:shared')
    await dsl.invoke('net_storage:upload_config_files')
    await join((ask) => finishRelease(dsl, hosts, { ask }))
  })
  const have = counted(hosts.length, 'server has', 'servers have')
  shipit.log(`${have} release ${run.chosenRelease()}, verified.`)
}

/** Emits `updated`, and warns about plugins that install into the release a second time. */
export function announceRelease({ shipit }: Deployment): void {
  for (const line of installedTwice(shipit)) shipit.log(line)
  shipit.emit('updated')
}

/** In a rollback, stages the release on servers that lack it. @throws {DeployError} `E_NO_ARCHIVE` */
export async function restoreRelease(
  deployment: Deployment,
  hosts: readonly Host[],
  { revision = '' }: Release,
): Promise<void> {
  const manifest = await deployment.archiveOf(revision)
  const { maxParallels: limit } = deployment.settings
  await deployment.dsl.on(hosts, { limit }, (host) => fetchOnto(deployment, host, 'stage', manifest))
  await sendConfigFiles(deployment, hosts, deployment.dsl.on)
}

/** Fetches the archive on every server. */
export async function fetchOntoAll(
  deployment: Deployment,
  purpose: Purpose,
  ask: Ask = deployment.dsl.on,
): Promise<void> {
  const { hosts, settings } = deployment
  const progress = new Progress({ title: 'Servers done', total: hosts.length, format: String })
  try {
    await ask(hosts, { limit: settings.maxParallels }, async (host) => {
      await fetchOnto(deployment, host, purpose)
      progress.add(1)
    })
  } finally {
    progress.stop()
  }
}

async function fetchOnto(
  deployment: Deployment,
  host: Host,
  purpose: Purpose,
  manifest: Manifest | undefined = deployment.manifest,
): Promise<void> {
  const { shipit, dsl, plugin, run, settings, hosts, archivesPath } = deployment
  const part = manifest?.parts[0]
  if (!manifest || !part) {
    throw new DeployError(
      'E_NO_ARCHIVE',
      "There is no archive to deploy: run 'net_storage:upload_archive' first.",
    )
  }
  const jitter = settings.jitter ?? defaultJitter(hosts.length)
  if (jitter > 0) await wait(Math.random() * jitter * 1000, undefined, { signal: dsl.signal() })
  const script = serverScript('stage').with({
    deploy_to: plugin.deployTo(),
    purpose,
    release: purpose === 'stage' ? run.chosenRelease() : '',
    revision: manifest.revision,
    revision_time: manifest.revisionTime,
    archives_path: archivesPath,
    unpack_command: archiverFor(part.format, settings.archiver).unpackCommand,
    unpacked_size: part.unpackedSize ?? 0,
  })
  await runFetching(host, script, part, settings, (line) => shipit.log(line))
}
