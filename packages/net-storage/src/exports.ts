export type { NetStorage } from './plugin.js'
export type { NetStorageSettings } from './settings.js'
export { TarGzip } from './archiver/tar-gzip.js'
export { TarZstd } from './archiver/tar-zstd.js'
export { Zip } from './archiver/zip.js'
export { blocks, type BlocksOptions } from './archiver/blocks.js'
export { Archiver, type PackOptions } from './archiver/archiver.js'
export type { BuiltWith, Manifest, ManifestPart } from './archive/manifest.js'
export { expected, numberFrom, optionMistakes, text, type LockOffer } from 'shipit-capistrano'
export {
  Transport,
  type UrlSource,
  type CommandSource,
  type PutOptions,
  type Source,
  type StoredObject,
} from './transport/transport.js'
export { TransportError } from './transport/transport-error.js'
export { Git } from './scm/git.js'
export { Bundler } from './installer/bundler.js'
export { Npm } from './installer/npm.js'
export { Pnpm } from './installer/pnpm.js'
export { Yarn } from './installer/yarn.js'
export { Installer, type InstallTarget } from './installer/installer.js'
export { InstallerError } from './installer/installer-error.js'
export { Scm, type ScmOptions } from './scm/scm.js'
export { ScmError } from './scm/scm-error.js'
export { DirectoryTransport, type DirectoryTransportOptions } from './transport/directory-transport.js'
export { assertKey } from './transport/key.js'
