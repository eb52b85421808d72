import { expected, hasShape, ownMistakes, seconds, wholeNumber } from 'shipit-capistrano'
import { z } from 'zod'
import type { Archiver } from './archiver/archiver.js'
import { ARCHIVERS, type ArchiverName } from './archiver/archivers.js'
import type { Installer } from './installer/installer.js'
import { INSTALLERS, type InstallerName } from './installer/installers.js'
import { Git } from './scm/git.js'
import type { Scm, ScmOptions } from './scm/scm.js'
import { tracedTransport } from './transport/traced-transport.js'
import type { Transport } from './transport/transport.js'

const TRANSPORT = {
  check: 'function',
  stat: 'function',
  put: 'function',
  get: 'function',
  list: 'function',
  remove: 'function',
  source: 'function',
} as const

/** Transports, archivers and installers are recognised by their members. */
const transport = z
  .custom<Transport>((value) => hasShape<Transport>(value, TRANSPORT), {
    ...expected("a Transport, such as new S3Transport({ bucket: 'deploys' })"),
    abort: true,
  })
  .superRefine(ownMistakes)
  .transform(tracedTransport)

const archiver = z.custom<Archiver>((value) =>
  hasShape<Archiver>(value, {
    check: 'function',
    pack: 'function',
    format: 'string',
    unpackCommand: 'string',
  }),
)

const installer = z.custom<Installer>((value) =>
  hasShape<Installer>(value, {
    identity: 'function',
    install: 'function',
    name: 'string',
    lockfiles: 'array',
  }),
)

/** A relative path that stays inside its root. */
const folder = (description: string) =>
  z
    .string(expected(description))
    .refine(
      (path) =>
        path !== '' && !path.startsWith('/') && !path.startsWith('-') && !path.split('/').includes('..'),
      expected(description),
    )

const buildValue = z.union([z.string(), z.number(), z.boolean(), z.null()])

/** The value of `netStorage.buildKey`. */
export type BuildKey = z.output<typeof buildValue> | Readonly<Record<string, z.output<typeof buildValue>>>

const isFunction = (value: unknown): boolean => typeof value === 'function'

/** Settings under `netStorage`. */
export const settingsSchema = z.strictObject({
  /** Storage for archives. Capistrano's `net_storage_transport`. */
  transport,
  /** Archive format. Capistrano's `net_storage_archiver`. @default 'tar.gz' */
  archiver: z
    .union(
      [z.enum(Object.keys(ARCHIVERS) as [ArchiverName]), archiver],
      expected(`${Object.keys(ARCHIVERS).join(', ')}, or an Archiver`),
    )
    .default('tar.gz')
    .transform((value) => (typeof value === 'string' ? ARCHIVERS[value]() : value)),
  /** Creates the client for the repository. Capistrano's `net_storage_scm`. @default git */
  scm: z
    .custom<(options: ScmOptions) => Scm>(
      isFunction,
      expected('a function that returns an Scm, such as (options) => new Git(options)'),
    )
    .default(() => (options: ScmOptions) => new Git(options)),
  /**
   * Installs production dependencies into the release: chosen by lockfile (`auto`), by name, your own, or none (false).
   * Capistrano's `net_storage_skip_bundle`. @default 'auto'
   */
  installer: z
    .union(
      [z.enum(['auto', ...(Object.keys(INSTALLERS) as InstallerName[])]), z.literal(false), installer],
      expected(`'auto', ${Object.keys(INSTALLERS).join(', ')}, false, or an Installer`),
    )
    .default('auto')
    .transform((value) => (typeof value === 'string' && value !== 'auto' ? INSTALLERS[value]() : value)),
  /** Globs of local files that are sent to servers directly. Capistrano's `net_storage_config_files`. @default none */
  configFiles: z.array(z.string().min(1)).default([]),
  /** Folder for config files in the release. @default 'config' */
  configDir: folder('a folder inside the release').default('config'),
  /** Permissions of config files on servers. @default 0o640 */
  configFileMode: wholeNumber(0, 0o777, 'permissions, such as 0o640').default(0o640),
  /** How config files get to servers. Capistrano's `net_storage_upload_files_by_rsync`. @default 'ssh' */
  uploadConfigFilesBy: z.enum(['ssh', 'rsync'], expected("'ssh' or 'rsync'")).default('ssh'),
  /** Additional arguments for rsync. Capistrano's `net_storage_rsync_options`. @default none */
  rsyncOptions: z.array(z.string(), expected('a list of arguments')).default([]),
  /** The only folder of the repository to deploy. Capistrano's `repo_tree`. @default all of it */
  repoTree: folder('a folder of the repository').optional(),
  /**
   * The repository holds several applications, each in a folder of its name; all of it is deployed.
   * Capistrano's `net_storage_multi_app_mode`. @default false
   */
  multiAppMode: z.boolean(expected('true or false')).default(false),
  /** Maximum number of servers that fetch at the same time. Capistrano's `net_storage_max_parallels`. @default 100 */
  maxParallels: wholeNumber(1).default(100),
  /** Reuse an archive of the revision that is already in storage. Capistrano's `net_storage_reuse_archive`. @default true */
  reuseArchive: z.boolean().default(true),
  /**
   * What the output of build hooks depends on, besides the commit: values, or a function that returns them. Environments
   * with the same values share an archive. @default the environment
   */
  buildKey: z
    .union(
      [
        buildValue,
        z.record(z.string(), buildValue),
        z.custom<() => BuildKey | Promise<BuildKey>>(isFunction),
      ],
      expected('a value, an object of values, or a function that returns them'),
    )
    .optional(),
  /**
   * Folder for the mirror and release trees on the deploy machine. Capistrano's `net_storage_local_base_path`.
   * @default '.local_net_storage'
   */
  localBasePath: z.string().min(1).default('.local_net_storage'),
  /**
   * Folder for archives on servers, absolute or relative to `deployTo`. Capistrano's `net_storage_archives_path`.
   * @default 'net_storage_archives'
   */
  archivesPath: z.string().min(1).optional(),
  /** Archives to keep in storage, besides those in use. Capistrano's `net_storage_keep_remote_archives`. @default 10 */
  keepRemoteArchives: wholeNumber(1).default(10),
  /** What `net_storage:prefetch` does on servers: fetch and verify, or also unpack. @default 'fetch' */
  prefetch: z.enum(['fetch', 'extract'], expected("'fetch' or 'extract'")).default('fetch'),
  /** Retries of a failed download. @default 3 */
  retries: wholeNumber(0).default(3),
  /** Seconds that one download attempt may take. @default no limit, but an attempt ends after stalling for a minute */
  downloadTimeout: wholeNumber(1).optional(),
  /** Maximum bytes per second of each server's download. @default no limit */
  downloadRateLimit: wholeNumber(1).optional(),
  /**
   * Ranges of an archive over 64 MB that a server fetches in parallel, if its curl can; 1 with `downloadTimeout` or
   * `downloadRateLimit`. @default 4
   */
  downloadConnections: wholeNumber(1, 32).default(4),
  /** Maximum random delay before a server fetches, in seconds. @default 0 for up to 50 servers, growing to 4 */
  jitter: seconds().optional(),
})

/** Settings under `netStorage`, as users write them. */
export type NetStorageSettings = z.input<typeof settingsSchema>

/** Default jitter for a number of servers, in seconds. */
export function defaultJitter(servers: number): number {
  return Math.min(4, Math.max(0, (servers - 50) / 50))
}
