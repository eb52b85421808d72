import { DeployError } from 'shipit-capistrano'
import type { Archiver } from './archiver.js'
import { TarGzip } from './tar-gzip.js'
import { TarZstd } from './tar-zstd.js'
import { Zip } from './zip.js'

/** The archivers that settings name. */
export const ARCHIVERS = {
  'tar.gz': () => new TarGzip(),
  'tar.zst': () => new TarZstd(),
  zip: () => new Zip(),
} satisfies Record<string, () => Archiver>

/** Name of an archiver in settings. */
export type ArchiverName = keyof typeof ARCHIVERS

/**
 * The archiver that knows a format: the one in use, or one of these, as another deploy may have made the archive.
 * @throws {DeployError} `E_ARCHIVER`
 */
export function archiverFor(format: string, inUse: Archiver): Archiver {
  if (inUse.format === format) return inUse
  const create = ARCHIVERS[format as ArchiverName] as (() => Archiver) | undefined
  if (!create) {
    throw new DeployError(
      'E_ARCHIVER',
      `The archive in storage is a '${format}', which nothing here unpacks: set netStorage.archiver to what made it, or reuseArchive: false.`,
    )
  }
  return create()
}
