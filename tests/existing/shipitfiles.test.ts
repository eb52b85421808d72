import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { Stage } from '../support/stage.js'
import { sudo } from '../support/sudo.js'

const run = promisify(execFile)

/** An existing set-up: shipit-deploy, which pushes with rsync, plus a hook and a log of what loaded the file. */
const SETUP = `
  before('deploy:publishing', 'hook', () => shipit.log('hooked'))
  shipit.log('loaded by node ' + process.version + (sucrase() ? ' with sucrase' : ''))
  shipit.initConfig({ production: {
    deployTo: process.env.DEPLOY_TO, repositoryUrl: process.env.REPOSITORY_URL, branch: 'main',
    servers: JSON.parse(process.env.SERVERS), key: process.env.SSH_KEY,
  } })
`

const SUCRASE = `() => Object.keys(require.cache).some(path => path.includes('/node_modules/sucrase/'))`

const COMMONJS = `
const sucrase = ${SUCRASE}
module.exports = shipit => {
  require('shipit-deploy')(shipit)
  const { before, after, task, invoke, on, hosts } = require('shipit-capistrano')(shipit)
  shipit.log('functions: ' + [before, after, task, invoke, on, hosts].every(each => typeof each === 'function'))
  ${SETUP}
}
`

/** All packages, loaded as Shipit loads plugins, and their other exports, in both ways. */
const FAMILY = `
const capistrano = require('shipit-capistrano')
const netStorage = require('shipit-net-storage')
const deployLocker = require('shipit-deploy-locker')
const { S3Transport, S3LockStore } = require('shipit-net-storage-s3')
const { Script, DeployError } = capistrano
const { DirectoryTransport } = netStorage
const { FileLockStore } = require('shipit-deploy-locker')
module.exports = shipit => {
  const { before, after } = capistrano(shipit)
  netStorage(shipit)
  deployLocker(shipit)
  shipit.log('the same by default: ' + [capistrano, netStorage, deployLocker].every(each => each === each.default))
  const classes = { S3Transport, S3LockStore, Script, DeployError, DirectoryTransport, FileLockStore }
  shipit.log('classes: ' + Object.entries(classes).filter(([name, each]) => each.name === name).map(([name]) => name))
  before('deploy:starting', 'deploy:lock')
  after('deploy:finished', 'deploy:unlock')
  before('deploy:publishing', 'hook', () => shipit.log('hooked'))
  const { env } = process
  shipit.initConfig({ production: {
    application: 'shop', deployTo: env.DEPLOY_TO, repositoryUrl: env.REPOSITORY_URL, branch: 'main',
    servers: JSON.parse(env.SERVERS), key: env.SSH_KEY,
    netStorage: { transport: new S3Transport({
      bucket: env.S3_BUCKET, region: env.S3_REGION, endpoint: env.S3_ENDPOINT, forcePathStyle: true,
    }) },
  } })
}
`

const TYPESCRIPT = `
import shipitDeploy from 'shipit-deploy'
import capistrano, { Script, type Shipit } from 'shipit-capistrano'
import * as locker from 'shipit-deploy-locker'
const sucrase = (): boolean => (${SUCRASE})()
export default (shipit: Shipit): void => {
  shipitDeploy(shipit)
  const { before } = capistrano(shipit)
  locker.default(shipit)
  shipit.log('also named: ' + [Script.of('true'), new locker.FileLockStore({ dir: 'x' })].every(each => typeof each === 'object'))
  ${SETUP}
}
`

const MODULE = `
import { createRequire } from 'node:module'
const require = createRequire(import.meta.url)
${TYPESCRIPT}
`

const ASYNC = `
const sucrase = ${SUCRASE}
module.exports = async shipit => {
  const { default: shipitDeploy } = await import('shipit-deploy')
  shipitDeploy(shipit)
  const { default: capistrano } = await import('shipit-capistrano')
  const { before } = capistrano(shipit)
  const required = require('shipit-capistrano')
  const same = [required, required.default].every(each => each(shipit).before === before)
  shipit.log('the same DSL from import and require: ' + same)
  ${SETUP}
}
`

let stage: Stage
beforeEach(async () => {
  stage = await Stage.create({ names: ['web1'] })
})
afterEach(() => stage.close())

/** Deploys with a shipitfile. Returns what shipit printed. */
async function deploy(name: string, shipitfile: string, env: NodeJS.ProcessEnv = {}): Promise<string> {
  const { status, output } = await stage.run('deploy', env, await stage.shipitfile(name, shipitfile))
  expect(output).toMatch(
    /Finished 'deploy:update'.*^hooked$.*Running 'deploy:publish'.*Finished 'deploy:finish'/ms,
  )
  expect(status).toBe(0)
  expect(await stage.live()).toEqual([await stage.app.git('rev-parse', 'HEAD')])
  return output
}

it.each(['shipitfile.js', 'shipitfile.cjs'])('deploys with a CommonJS %s', async (name) => {
  expect(await deploy(name, COMMONJS)).toContain('functions: true')
})

it('deploys with a CommonJS shipitfile that requires all packages', async () => {
  const output = await deploy('family.cjs', FAMILY)
  expect(output).toContain('the same by default: true')
  expect(output).toContain(
    'classes: S3Transport,S3LockStore,Script,DeployError,DirectoryTransport,FileLockStore',
  )
})

it('deploys with a TypeScript shipitfile loaded by sucrase', async () => {
  expect(await deploy('sucrase.ts', TYPESCRIPT)).toMatch(
    /^also named: true\nloaded by node \S+ with sucrase$/m,
  )
})

it('deploys with a TypeScript shipitfile loaded by tsx', async () => {
  const output = await deploy('tsx.ts', TYPESCRIPT, { NODE_OPTIONS: '--import tsx' })
  expect(output).toMatch(/^also named: true\nloaded by node \S+$/m)
})

it('deploys with a TypeScript shipitfile loaded by Node 24 itself', async () => {
  const { stdout } = await run('npx', ['-y', '-p', 'node@24', 'node', '-p', 'process.execPath'])
  const path = `${dirname(stdout.trim())}:${process.env['PATH']}`
  expect(await deploy('native.mts', MODULE, { PATH: path })).toMatch(/^loaded by node v24\.\S+$/m)
})

it('deploys with an asynchronous shipitfile', async () => {
  expect(await deploy('async.js', ASYNC)).toContain('the same DSL from import and require: true')
})

it('hooks tasks registered with shipit-utils', async () => {
  const output = await deploy(
    'utils.js',
    `
    module.exports = shipit => {
      require('shipit-deploy')(shipit)
      const { env } = process
      const sucrase = () => false
      const utils = require('shipit-utils')
      const { before, after } = require('shipit-capistrano')(utils.getShipit({ shipit }))
      utils.registerTask(shipit, 'warm:cache', () => shipit.remote('cat ' + env.DEPLOY_TO + '/current/REVISION >>warm'))
      utils.registerTask(shipit, 'warm', 'Warms caches', ['warm:cache'])
      after('deploy:published', 'warm')
      ${SETUP}
    }`,
  )
  expect(output).toMatch(
    /Finished 'deploy:publish'.*Finished 'warm:cache'.*Finished 'warm'.*Running 'deploy:clean'/s,
  )
  const revision = await stage.app.git('rev-parse', 'HEAD')
  expect(await readFile(join(stage.fleet.host('web1').home, 'warm'), 'utf8')).toBe(`${revision}\n`)
})

it('runs everything on servers as another user with asUser', async () => {
  // The login has only sudo, and cat for the shared connection: anything else without sudo fails.
  const other = await Stage.create({ names: ['web1'], paths: { web1: ['cat'] } })
  try {
    const { home } = other.fleet.host('web1')
    await writeFile(join(home, '../bin/sudo'), sudo(other.env['PATH'] ?? ''), { mode: 0o755 })
    const content = `
      module.exports = shipit => {
        require('shipit-deploy')(shipit)
        const sucrase = () => false
        const { before, after, on, hosts, Script } = { ...require('shipit-capistrano'), ...require('shipit-capistrano')(shipit) }
        shipit.blTask('note', () => shipit.remote('echo "command as $SUDO_FOR"'))
        shipit.on('published', () => shipit.start('note'))
        after('deploy:published', 'tell', () => on(hosts(), host => host.script(Script.of('say "script as $SUDO_FOR"'))))
        ${SETUP.replace('servers:', "asUser: 'shop', servers:")}
      }`
    const { status, output } = await other.run('deploy', {}, await other.shipitfile('as.cjs', content))
    expect(output).toContain('command as shop')
    expect(output).toContain('@web1 script as shop')
    expect(status).toBe(0)
    expect(await other.live()).toEqual([await other.app.git('rev-parse', 'HEAD')])
  } finally {
    await other.close()
  }
})
