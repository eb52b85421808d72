import { expected, hasShape, seconds, wholeNumber } from 'shipit-capistrano'
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

/** A transport is known by its methods, an archiver and an installer by what else they have, too. */
const transport = z
  .custom<Transport>((value) => hasShape<Transport>(value, TRANSPORT), {
    ...expected("a Transport, such as new S3Transport({ bucket: 'deploys' })"),
    abort: true,
  })
  .superRefine(({ mistakes = [] }, context) => {
    for (const message of mistakes) context.addIssue({ code: 'custom', message, params: { hideValue: true } })
  })
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

/** A folder of the repository. */
const folder = (words: string) =>
  z
    .string(expected(words))
    .refine(
      (path) =>
        path !== '' && !path.startsWith('/') && !path.startsWith('-') && !path.split('/').includes('..'),
      expected(words),
    )

const buildValue = z.union([z.string(), z.number(), z.boolean(), z.null()])

/** What `netStorage.buildKey` may stand for. */
export type BuildKey = z.output<typeof buildValue> | Readonly<Record<string, z.output<typeof buildValue>>>

const isFunction = (value: unknown): boolean => typeof value === 'function'

/** Settings under `netStorage`. */
export const settingsSchema = z.strictObject({
  /** Where archives are kept. Capistrano's `net_storage_transport`. */
  transport,
  /** Capistrano's `net_storage_archiver`. */
  archiver: z
    .union(
      [z.enum(Object.keys(ARCHIVERS) as [ArchiverName]), archiver],
      expected(`${Object.keys(ARCHIVERS).join(', ')}, or an Archiver`),
    )
    .default('tar.gz')
    .transform((value) => (typeof value === 'string' ? ARCHIVERS[value]() : value)),
  /** Makes what gets code from the repository; git unless set. Capistrano's `net_storage_scm`. */
  scm: z
    .custom<(options: ScmOptions) => Scm>(
      isFunction,
      expected('a function that makes an Scm, such as (options) => new Git(options)'),
    )
    .default(() => (options: ScmOptions) => new Git(options)),
  /**
   * What installs production dependencies into the release: found by lockfile, by name, one of your own, or none.
   * Capistrano's `net_storage_skip_bundle`.
   */
  installer: z
    .union(
      [z.enum(['auto', ...(Object.keys(INSTALLERS) as InstallerName[])]), z.literal(false), installer],
      expected(`'auto', ${Object.keys(INSTALLERS).join(', ')}, false, or an Installer`),
    )
    .default('auto')
    .transform((value) => (typeof value === 'string' && value !== 'auto' ? INSTALLERS[value]() : value)),
  /** Globs of local files that go to servers directly. Capistrano's `net_storage_config_files`. */
  configFiles: z.array(z.string().min(1)).default([]),
  /** Where in a release they go. */
  configDir: folder('a folder inside the release').default('config'),
  /** Permissions of config files on servers. */
  configFileMode: wholeNumber(0, 0o777, 'permissions, such as 0o640').default(0o640),
  /** How config files get to servers. Capistrano's `net_storage_upload_files_by_rsync`. */
  uploadConfigFilesBy: z.enum(['ssh', 'rsync'], expected("'ssh' or 'rsync'")).default('ssh'),
  /** More arguments for rsync. Capistrano's `net_storage_rsync_options`. */
  rsyncOptions: z.array(z.string(), expected('a list of arguments')).default([]),
  /** Folder of the repository that is deployed, in place of all of it. Capistrano's `repo_tree`. */
  repoTree: folder('a folder of the repository').optional(),
  /** The repository holds several applications, each in a folder of its name; all of it is deployed. Capistrano's `net_storage_multi_app_mode`. */
  multiAppMode: z.boolean(expected('true or false')).default(false),
  /** Most servers that fetch at the same time. Capistrano's `net_storage_max_parallels`. */
  maxParallels: wholeNumber(1).default(100),
  /** Deploy an archive of the revision that storage has. Capistrano's `net_storage_reuse_archive`. */
  reuseArchive: z.boolean().default(true),
  /**
   * What archives depend on that build hooks make, in the place of the environment: values, or a function that gives them.
   * The same values take the same archive in all environments. The environment unless set.
   */
  buildKey: z
    .union(
      [
        buildValue,
        z.record(z.string(), buildValue),
        z.custom<() => BuildKey | Promise<BuildKey>>(isFunction),
      ],
      expected('a value, values by name, or a function that gives them'),
    )
    .optional(),
  /** Folder for the mirror and release trees on the deploy machine. Capistrano's `net_storage_local_base_path`. */
  localBasePath: z.string().min(1).default('.local_net_storage'),
  /** Folder for archives on servers, absolute or below `deployTo`; `${deployTo}/net_storage_archives` unless set. Capistrano's `net_storage_archives_path`. */
  archivesPath: z.string().min(1).optional(),
  /** Archives to keep in storage, aside from those in use. Capistrano's `net_storage_keep_remote_archives`. */
  keepRemoteArchives: wholeNumber(1).default(10),
  /** What `net_storage:prefetch` does on servers: fetch and verify, or unpack as well. */
  prefetch: z.enum(['fetch', 'extract'], expected("'fetch' or 'extract'")).default('fetch'),
  /** Further tries of a failed download. */
  retries: wholeNumber(0).default(3),
  /** Seconds that one try of a download may take; no limit unless set, but a download that stalls for a minute ends. */
  downloadTimeout: wholeNumber(1).optional(),
  /** Most bytes a second that a server fetches with; no limit unless set. */
  downloadRateLimit: wholeNumber(1).optional(),
  /** Ranges of an archive over 64 MB that a server fetches at the same time, where its curl can; one with a limit of time or rate. */
  downloadConnections: wholeNumber(1, 32).default(4),
  /** Most seconds that a server waits, at random, before it fetches; 0 for up to 50 servers, growing to 4, unless set. */
  jitter: seconds().optional(),
})

/** What a user may write under `netStorage`. */
export type NetStorageSettings = z.input<typeof settingsSchema>

/** Seconds of jitter for a number of servers. */
export function defaultJitter(servers: number): number {
  return Math.min(4, Math.max(0, (servers - 50) / 50))
}
