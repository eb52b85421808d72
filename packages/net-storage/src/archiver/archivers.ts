import { DeployError } from 'shipit-capistrano'
import type { Archiver } from './archiver.js'
import { TarGzip } from './tar-gzip.js'
import { TarZstd } from './tar-zstd.js'
import { Zip } from './zip.js'

/** Archivers by their name in settings. */
export const ARCHIVERS = {
  'tar.gz': () => new TarGzip(),
  'tar.zst': () => new TarZstd(),
  zip: () => new Zip(),
} satisfies Record<string, () => Archiver>

/** Name of an archiver in settings. */
export type ArchiverName = keyof typeof ARCHIVERS

/**
 * The archiver for a format: the one in use, or one of these, because a deploy with other settings may have made the archive.
 * @throws {DeployError} `E_ARCHIVER`
 */
export function archiverFor(format: string, inUse: Archiver): Archiver {
  if (inUse.format === format) return inUse
  const create = ARCHIVERS[format as ArchiverName] as (() => Archiver) | undefined
  if (!create) {
    throw new DeployError(
      'E_ARCHIVER',
      `No archiver unpacks '${format}', the format of the archive in storage: set netStorage.archiver to the one that made it, or netStorage.reuseArchive: false.`,
    )
  }
  return create()
}
