import { chmod, copyFile, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join, posix } from 'node:path'
import type { Host } from 'shipit-capistrano'

/** Calls `run` with a private temporary folder that holds copies of files, with the permissions `mode`. */
export async function withConfigFolder(
  paths: readonly string[],
  mode: number,
  run: (folder: string) => Promise<unknown>,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'shipit-config-'))
  try {
    for (const path of paths) {
      const copy = join(folder, basename(path))
      await copyFile(path, copy)
      await chmod(copy, mode)
    }
    await run(folder)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Copies a folder's files into the release being staged, with rsync. Mirrors net_storage_upload_files_by_rsync. */
export async function copyConfigFiles(
  host: Host,
  folder: string,
  config: {
    readonly deploy_to: string
    readonly release: string
    readonly config_dir: string
    readonly rsyncOptions: readonly string[]
  },
): Promise<void> {
  const staging = posix.join(config.deploy_to, 'releases', `.staging-${config.release}`)
  // A finished release already has its files.
  if (!(await host.test(['test', '-d', staging]))) return
  const target = posix.join(staging, config.config_dir)
  await host.execute(['mkdir', '-p', '--', target])
  await host.copy(`${folder}/`, target, { rsync: config.rsyncOptions })
}
