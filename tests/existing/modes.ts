/** shipit-deploy alone; with shipit-capistrano on top; and with shipit-net-storage. */
export type Mode = 'plain' | 'dsl' | 'pull'

/** What differs between the modes in a shipitfile. */
const PLUGINS: Readonly<Record<Mode, string>> = {
  plain: '',
  dsl: `require('shipit-capistrano')(shipit)`,
  pull: `require('shipit-net-storage')(shipit)`,
}

/** An existing set-up, as a shipitfile has it. */
export interface Setup {
  /** What it does beside its settings: plugins, tasks and listeners. */
  readonly body?: string
  /** More settings of the environment, or some in the place of those that are there. */
  readonly settings?: string
  /** How many servers it deploys to. @default 1 */
  readonly servers?: 1 | 2
  /** Whether `body` stands ahead of our plugin. @default false */
  readonly before?: boolean
}

/**
 * The shipitfile of a set-up in one mode. It writes what happens into the file that TRACE names: each event, with what plugins
 * read of Shipit then. It does that without listeners, as those are part of what is observed.
 */
export function shipitfile(mode: Mode, { body = '', settings = '', before = false }: Setup): string {
  const storage =
    mode === 'pull'
      ? `application: 'shop', netStorage: { localBasePath: env.LOCAL_BASE_PATH, transport: new (require('shipit-net-storage-s3').S3Transport)({
          bucket: env.S3_BUCKET, prefix: env.S3_PREFIX, region: env.S3_REGION, endpoint: env.S3_ENDPOINT, forcePathStyle: true }) },`
      : ''
  return `
const { appendFileSync, existsSync, mkdirSync, readdirSync, writeFileSync } = require('node:fs')
const { join } = require('node:path')
const { execFileSync } = require('node:child_process')
const { setTimeout: wait } = require('node:timers/promises')
const { env } = process
const trace = entry => appendFileSync(env.TRACE, JSON.stringify(entry) + '\\n')
const plugin = name => require(env.PLUGINS + '/' + name)
/** Notes that something of the set-up's own happens. */
const note = (text, more) => trace({ note: text, ...more })
const VARIABLES = ['workspace', 'repository', 'releasesPath', 'currentPath', 'releaseDirname', 'releasePath', 'currentRevision', 'previousRelease',
  'previousRevision', 'prevReleaseDirname', 'prevReleasePath']
const SETTINGS = ['branch', 'keepReleases', 'shallowClone', 'keepWorkspace', 'gitLogFormat', 'workspace', 'deployTo', 'repositoryUrl']
module.exports = async shipit => {
  const variables = () => ({
    ...Object.fromEntries(VARIABLES.map(name => [name, shipit[name]])),
    ...Object.fromEntries(SETTINGS.map(name => ['config.' + name, shipit.config[name]])),
    'files of workspace': shipit.workspace && existsSync(shipit.workspace) ? readdirSync(shipit.workspace).sort() : null,
  })
  const emit = shipit.emit
  shipit.emit = function (event, ...args) {
    const { task } = args[0] || {}
    if (typeof event === 'string') trace({ event, task, variables: variables() })
    return emit.call(this, event, ...args)
  }
  require('shipit-deploy')(shipit)
  ${before ? body : ''}
  ${PLUGINS[mode]}
  ${before ? '' : body}
  shipit.initConfig({
    default: { branch: 'main', key: env.SSH_KEY },
    production: {
      deployTo: env.DEPLOY_TO, repositoryUrl: env.REPOSITORY_URL, servers: JSON.parse(env.SERVERS),
      ${settings}
      ${storage}
    },
  })
}
`
}
