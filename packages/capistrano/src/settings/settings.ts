import { z } from 'zod'
import type { SettingsSection } from '../plugin/api.js'
import { DeployError } from '../errors.js'
import type { EnvironmentConfig, Shipit } from '../shipit/shipit.js'
import { Named } from '../plugin/registered.js'
import { describeIssues, misspeltSetting } from './mistakes.js'
import { misspelt } from './nearest.js'
import { expected, wholeNumber } from './schemas.js'

const flag = z.boolean(expected('true or false'))

const server = z.union(
  [
    z.string().min(1),
    z.looseObject({
      host: z.string().min(1),
      roles: z.union([z.string(), z.array(z.string())]).optional(),
      noRelease: flag.optional(),
      primary: flag.optional(),
    }),
  ],
  expected("'user@host:port' or { host, user, port, roles, noRelease, primary }"),
)

/** Known settings of a server; users may add others. */
const SERVER_KEYS = ['host', 'name', 'user', 'port', 'roles', 'noRelease', 'primary', 'extraSshOptions']

/** Settings of shipit-cli and shipit-deploy that are not checked here. */
const OTHER_KEYS = [
  'workspace',
  'shallowClone',
  'keepWorkspace',
  'rsyncFrom',
  'dirToCopy',
  'copy',
  'ignores',
  'rsync',
  'deploy',
  'strict',
  'verboseSSHLevel',
]

/** Paths in `shared` and in releases. */
const sharedPaths = z
  .array(
    z
      .string()
      .refine(
        (path) => path !== '' && !/^\/|^-|\/$|\n/.test(path) && !path.split('/').includes('..'),
        expected('a path inside the release'),
      ),
    expected('a list of paths'),
  )
  .optional()

/** The deploy's own settings, outside plugins' sections. */
const common = z.looseObject({
  application: z.string().min(1).optional(),
  deployTo: z
    .string()
    .refine(
      (path) => !/^\/*$|^~(?!\/+[^/])/.test(path),
      expected("the application's own folder, such as '/srv/shop' or '~/shop'"),
    )
    .optional(),
  repositoryUrl: z.string().optional(),
  branch: z
    .string()
    .refine((branch) => branch !== '' && !branch.startsWith('-'), expected('a branch, tag or commit id'))
    .optional(),
  // Also as text, for environment variables' values, as in shipit-deploy.
  keepReleases: z
    .union([z.number(), z.string()], expected('a whole number >= 1'))
    .refine((kept) => /^[1-9]\d*$/.test(String(kept)), expected('a whole number >= 1'))
    .optional(),
  deleteOnRollback: flag.optional(),
  linkedFiles: sharedPaths,
  linkedDirs: sharedPaths,
  updateSubmodules: flag.optional(),
  gitConfig: z.record(z.string(), z.string(), expected('names and values of git configuration')).optional(),
  gitLogFormat: z.string(expected('a git log format')).optional(),
  servers: z.union(
    [server, z.array(server)],
    expected("a server or a list of servers, each 'user@host:port' or { host, user, port }"),
  ),
  key: z.string().optional(),
  asUser: z.string().min(1).optional(),
  sshMultiplexing: flag.optional(),
  connectTimeout: z.number(expected('seconds')).positive(expected('seconds')).optional(),
  maxConnections: wholeNumber(1).optional(),
})

/** Settings by section, checked together. */
export class Settings {
  private readonly sections = new Named<SettingsSection<z.ZodType>>('settings')
  private readonly checked = new Map<string, unknown>()

  /** Adds a section. @throws {DeployError} `E_PLUGIN` if its key is taken */
  add<S extends z.ZodType>(section: SettingsSection<S>): () => z.output<S> {
    this.sections.register(section.key, section)
    return () => {
      if (!this.checked.has(section.key)) {
        throw new DeployError(
          'E_NOT_INITIALIZED',
          `'${section.key}' is not known until Shipit has initialised: read it inside a task.`,
        )
      }
      return this.checked.get(section.key) as z.output<S>
    }
  }

  /** Checks all sections, and returns a message for each mistake. */
  check({ config }: Shipit): string[] {
    const found: string[] = []
    const settings = common.safeParse(config)
    if (!settings.success) found.push(...describeIssues(settings.error, config, [], []))

    found.push(
      ...misspeltSettings(config, [...Object.keys(common.shape), ...OTHER_KEYS, ...this.sections.all.keys()]),
    )

    const missing = new Map<string, string>()
    for (const { key, schema, requires = [], mistakes } of this.sections.all.values()) {
      const result = schema.safeParse(config[key])
      if (result.success) this.checked.set(key, result.data)
      else found.push(...describeIssues(result.error, config[key], [key], keysOf(schema)))
      for (const name of requires)
        if (config[name] === undefined || config[name] === '') missing.set(name, key)
      found.push(...(mistakes?.(config) ?? []))
    }
    for (const [name, by] of missing) found.push(`${name}: must be set; '${by}' requires it`)
    return found
  }
}

/** Unknown keys that are almost a setting's name. All others belong to users or other plugins. */
function misspeltSettings(config: EnvironmentConfig, known: readonly string[]): string[] {
  const { servers } = config
  const all: readonly unknown[] = Array.isArray(servers) ? servers : []
  return [
    ...misspeltKeys(config, known, ''),
    ...misspeltKeys(servers, SERVER_KEYS, 'servers.'),
    ...all.flatMap((each, index) => misspeltKeys(each, SERVER_KEYS, `servers.${index}.`)),
  ]
}

function misspeltKeys(settings: unknown, known: readonly string[], path: string): string[] {
  if (typeof settings !== 'object' || settings === null || Array.isArray(settings)) return []
  return Object.keys(settings).flatMap((key) => {
    const meant = known.includes(key) ? undefined : misspelt(key, known)
    return meant === undefined ? [] : [misspeltSetting(path + key, meant)]
  })
}

/** Names of the settings that a schema knows, also inside a default. */
function keysOf(schema: z.core.$ZodType): string[] {
  if (schema instanceof z.ZodObject) return Object.keys(schema.shape)
  const wraps =
    schema instanceof z.ZodPrefault || schema instanceof z.ZodDefault || schema instanceof z.ZodOptional
  return wraps ? keysOf(schema.def.innerType) : []
}
