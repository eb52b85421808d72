import { hostname } from 'node:os'
import prettyBytes from 'pretty-bytes'
import { currentUser, DeployError } from 'shipit-capistrano'
import type { Found } from '../archive/archive-store.js'
import { decide, type Decision } from '../archive/decision.js'
import type { BuiltWith, Manifest } from '../archive/manifest.js'
import { treeSize } from '../archiver/tree-size.js'
import type { Deployment } from '../deployment.js'
import { Progress } from '../progress/progress.js'
import { findBuilders } from './builders.js'

/** Ensures that storage has an archive of the commit: reuses an existing one, or builds one. */
export async function provideArchive(deployment: Deployment): Promise<void> {
  const { shipit, dsl, run, revision, settings, workspace } = deployment
  const pulling = run.kind === 'pull'
  // On its own, this task must run `deploy:fetch`, so that the builders run as in a deploy.
  if (!pulling && !run.includes('deploy:fetch') && findBuilders(deployment).length > 0)
    await dsl.invoke('deploy:fetch')
  const made = workspace.isMade ? await selectedFolder(deployment) : undefined
  const builtWith = pulling ? undefined : await deployment.builtWith(revision, made)
  const decision = decide({
    found: await find(deployment, builtWith),
    pulling,
    reuseArchive: settings.reuseArchive,
    rebuild: process.env['REBUILD'] === '1',
  })
  if (decision.action === 'reuse') {
    deployment.manifest = decision.manifest
    shipit.log(reuseLine(decision.manifest, made ? [] : deployment.buildHooks))
  } else if (decision.action === 'missing' || !builtWith) {
    throw new DeployError(
      'E_NO_ARCHIVE',
      `There is no archive of ${revision} to pull: ${decision.reason}. Build one first: shipit ${run.environment} net_storage:upload_archive`,
    )
  } else {
    shipit.log(`Building an archive of ${revision}: ${decision.reason}.`)
    if (!made) await dsl.invoke('net_storage:prepare_archive')
    const folder = made ?? (await selectedFolder(deployment))
    deployment.manifest = await packAndStore(deployment, folder, { ...decision, builtWith })
  }
}

/** The archive to deploy, which from now on no other environment removes; or why there is none. */
async function find(deployment: Deployment, builtWith: BuiltWith | undefined): Promise<Found> {
  const { ahead, revision, workspace } = deployment
  const isNew = await deployment.archivesInUse.add(revision)
  if (!builtWith) return deployment.findBuilt(revision)
  const early =
    ahead && !workspace.isMade && (await ahead.revision) === revision ? await ahead.found : undefined
  // Another environment may have removed it before it was in use here.
  return early && !(isNew && 'manifest' in early) ? early : deployment.find(revision, builtWith)
}

function reuseLine({ parts, createdAt, createdBy }: Manifest, notRun: readonly string[]): string {
  const hooks = notRun.length > 0 ? ` Skipped, because it contains their output: ${notRun.join(', ')}.` : ''
  return `Reusing ${parts[0]?.key}, built ${createdAt} by ${createdBy}.${hooks}`
}

/** The folder to pack. */
async function selectedFolder({ scm, selection, workspace, localFolder }: Deployment): Promise<string> {
  await scm.leave(workspace.path)
  return selection.select(workspace.path, localFolder.releaseTree(`${workspace.name}.selected`))
}

async function packAndStore(
  deployment: Deployment,
  folder: string,
  { replace, builtWith }: Extract<Decision, { action: 'build' }> & { readonly builtWith: BuiltWith },
): Promise<Manifest> {
  const { shipit, dsl, run, revision, scm, settings, workspace } = deployment
  const { archiver, transport } = settings
  const signal = dsl.signal()
  const store = await deployment.builds()
  const revisionTime = await scm.commitTime(revision)
  const unpackedSize = treeSize(folder)
  const progress = new Progress({
    title: 'Packing and uploading',
    total: unpackedSize,
    format: prettyBytes,
  })
  try {
    const onRead = (bytes: number): void => progress.add(bytes)
    const release = run.release ?? workspace.name
    const manifest = await store.store(
      archiver.pack(folder, { mtime: revisionTime, signal, onRead }),
      { revision, revisionTime, release, createdBy: `${currentUser()}@${hostname()}`, builtWith },
      { replace, archiver, unpackedSize, signal },
    )
    for (const { key, size } of manifest.parts) {
      const sizes = `${prettyBytes(size)} (${prettyBytes(unpackedSize)} unpacked)`
      shipit.log(`Uploaded ${transport.description}/${key}, ${sizes}.`)
    }
    return manifest
  } finally {
    progress.stop()
  }
}
