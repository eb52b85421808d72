/** shipit-deploy alone, with shipit-capistrano on top, or with shipit-net-storage. */
export type Mode = 'plain' | 'dsl' | 'pull'

/** What differs between the modes in a shipitfile. */
const PLUGINS: Readonly<Record<Mode, string>> = {
  plain: '',
  dsl: `require('shipit-capistrano')(shipit)`,
  pull: `require('shipit-net-storage')(shipit)`,
}

/** An existing set-up, as in a shipitfile. */
export interface Setup {
  /** Code besides the settings: plugins, tasks and listeners. */
  readonly body?: string
  /** Settings of the environment that are added to, or replace, the usual ones. */
  readonly settings?: string
  /** How many servers it deploys to. @default 1 */
  readonly servers?: 1 | 2
  /** Whether `body` comes before our plugin. @default false */
  readonly before?: boolean
}

/**
 * The shipitfile of a set-up in one mode. Appends each event to the file TRACE, with what plugins can read from Shipit then.
 * Does so without listeners, as those are part of what is observed.
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
/** Records something that the set-up itself does. */
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
