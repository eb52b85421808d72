import { execFileSync } from 'node:child_process'
import { mkdir, readdir, readFile, rm, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { findProgram } from '../../testbed/find-program.js'
import { startGitWeb, type GitWeb } from '../../testbed/git-web.js'
import { createSampleApp, type SampleApp } from '../../testbed/sample-app.js'
import { Stage } from '../support/stage.js'
import { WITH_SETTINGS } from '../support/with-settings.js'

/** Everything that a deploy machine needs except git-lfs. */
const WITHOUT_LFS = ['env', 'git', 'node', 'sh', 'ssh', 'tar']

/** shipit-deploy's push deploy with only shipit-capistrano. The setting can be read exactly as configured. */
const PUSH = `
const capistrano = require('shipit-capistrano').default
module.exports = shipit => {
  capistrano(shipit).before('deploy:fetch', 'look', () => {
    if (shipit.config.repositoryUrl === process.env.REPOSITORY_URL) shipit.log('the shipitfile has the password')
  })
  shipit.initConfig({ production: {
    repositoryUrl: process.env.REPOSITORY_URL, branch: 'main', shallowClone: false, keepWorkspace: true,
    servers: JSON.parse(process.env.SERVERS), key: process.env.SSH_KEY,
    ...JSON.parse(process.env.SETTINGS),
  } })
}
`

let stage: Stage
let web: GitWeb
let shipitfile: string
let revision: string
beforeAll(async () => {
  stage = await Stage.create({ names: ['web1'] })
  shipitfile = await stage.shipitfile('access.ts', WITH_SETTINGS)
  web = await startGitWeb(join(stage.directory, 'git-web'))
  await useLfs(stage.app)
  revision = await stage.app.commit(
    {
      'assets/big.bin': 'the real file',
      'assets/secret.bin': 'x',
      'assets/deep/odd $name.bin': 'this one, too',
      'assets/text': 'plain',
    },
    'With Git LFS',
  )
})
afterAll(async () => {
  await web.stop()
  await stage.close()
})

async function useLfs(app: SampleApp): Promise<void> {
  await app.git('lfs', 'install', '--local')
  await app.commit(
    {
      '.gitattributes': '*.bin filter=lfs diff=lfs merge=lfs -text\nsecret.bin export-ignore\n',
      'secret.bin': 'x',
    },
    'Git LFS',
  )
}

async function push(app: SampleApp, name: string): Promise<void> {
  await web.create(name)
  const config = ['-c', `http.sslCAInfo=${web.certificate}`]
  await app.git(...config, 'push', '--quiet', web.url(name), 'main')
}

async function deploy(
  url: string,
  settings: object,
  env: NodeJS.ProcessEnv = {},
): Promise<{ status: number | string; output: string }> {
  await rm(join(stage.directory, '.local_net_storage'), { recursive: true, force: true })
  const all = { REPOSITORY_URL: url, SETTINGS: JSON.stringify(settings), ...env }
  return stage.run('deploy', all, shipitfile)
}

const live = (...parts: string[]): Promise<string> =>
  readFile(stage.path('web1', 'current', ...parts), 'utf8')

/** Makes git trace all its processes, unredacted, into a folder, and the deploy print everything. */
async function traced(name: string): Promise<{ trace: string; env: NodeJS.ProcessEnv }> {
  const trace = join(stage.directory, name)
  await mkdir(trace)
  return { trace, env: { GIT_TRACE2_EVENT: trace, GIT_TRACE_REDACT: '0', NODE_DEBUG: 'shipit-*' } }
}

async function readAll(folder: string): Promise<string> {
  const names = await readdir(folder)
  return (await Promise.all(names.map((name) => readFile(join(folder, name), 'utf8')))).join('')
}

/** Files in a folder that contain the password. */
function holdingPassword(folder: string): string {
  const command = ['-c', 'grep -rlE "$1" . || :', 'sh', `canary|${web.authorization}`]
  return execFileSync('sh', command, { cwd: folder, encoding: 'utf8' })
}

/** Settings that make the deploy build from the repository. */
const rebuild = { netStorage: { reuseArchive: false } }

it('deploys the real files of Git LFS from a path, and honours export-ignore for them', async () => {
  expect(await stage.app.git('show', 'HEAD:assets/big.bin')).toContain('git-lfs.github.com')
  expect((await deploy(stage.app.directory, rebuild)).status).toBe(0)
  expect(await live('assets/big.bin')).toBe('the real file')
  expect(await live('assets/deep/odd $name.bin')).toBe('this one, too')
  expect(await readdir(stage.path('web1', 'current'))).not.toContain('secret.bin')
})

it('deploys over ssh', async () => {
  const { fleet, app } = stage
  const { host, port, home } = fleet.host('web1')
  execFileSync('git', [
    'clone',
    '--quiet',
    '--bare',
    '--branch',
    'main',
    app.directory,
    join(home, 'plain.git'),
  ])
  const command = `ssh -i '${fleet.key}' -o UserKnownHostsFile='${fleet.knownHosts}' -o IdentitiesOnly=yes`
  const plain = await app.git('rev-parse', 'HEAD~2')
  const { status } = await deploy(`ssh://${fleet.user}@${host}:${port}${home}/plain.git`, {
    ...rebuild,
    branch: plain,
    gitConfig: { 'core.sshCommand': command },
  })
  expect(status).toBe(0)
  expect(await stage.live()).toEqual([plain])
})

it('reports that the commit needs git-lfs, which is missing', async () => {
  const bin = join(stage.directory, 'bin')
  await mkdir(bin)
  for (const name of WITHOUT_LFS) await symlink(await findProgram(name), join(bin, name))
  const before = await stage.live()
  const { status, output } = await deploy(stage.app.directory, rebuild, { PATH: bin })
  expect(status).toBe(1)
  expect(output).toMatch(
    new RegExp(
      `Commit ${revision} has files in Git LFS, but git-lfs is not installed on this machine: .* \\[E_GIT_LFS\\]`,
    ),
  )
  expect(await stage.live()).toEqual(before)
  // A commit without LFS files does not need it.
  const plain = await stage.app.git('rev-parse', 'HEAD~2')
  expect((await deploy(stage.app.directory, { ...rebuild, branch: plain }, { PATH: bin })).status).toBe(0)
})

describe('over https, with a password and a private certificate', () => {
  const trusted = (): object => ({ gitConfig: { 'http.sslCAInfo': web.certificate } })
  beforeAll(async () => {
    const library = await createSampleApp(join(stage.directory, 'library'))
    await useLfs(library)
    await library.commit({ 'library.bin': 'of the library' }, 'Library')
    await push(library, 'library.git')
    const add = [
      '-c',
      'protocol.file.allow=always',
      'submodule',
      '--quiet',
      'add',
      '--',
      library.directory,
      'vendor/library',
    ]
    await stage.app.git(...add)
    await stage.app.git('config', '--file', '.gitmodules', 'submodule.vendor/library.url', '../library.git')
    revision = await stage.app.commit({}, 'With a submodule')
    await push(stage.app, 'shop.git')
  })

  it('reports what is wrong with the certificate', async () => {
    const { status, output } = await deploy(web.url('shop.git'), rebuild)
    expect(status).toBe(1)
    expect(output).toMatch(/Can't read the repository https:\/\/127[\d.:]+\/shop\.git: .*certificate/s)
    expect(output).not.toContain('canary')
  })

  it('reports a wrong password without printing it', async () => {
    const url = web.url('shop.git').replace(/:[^:@]*@/, ':another-canary@')
    const { status, output } = await deploy(url, { ...rebuild, ...trusted() })
    expect(status).toBe(1)
    expect(output).toMatch(/Can't read the repository .*git says: .*Authentication failed/s)
    expect(output).not.toContain('canary')
  })

  it('deploys Git LFS files and submodules without the password in any process or file', async () => {
    const { trace, env } = await traced('trace')
    const settings = { ...rebuild, ...trusted(), updateSubmodules: true }
    const { status, output } = await deploy(web.url('shop.git'), settings, env)
    expect(output).not.toContain('canary')
    expect(output).toMatch(/^SHIPIT-GIT \d+: git fetch .* shipit .*: status 0, \d+ ms$/m)
    expect(output).toMatch(/^SHIPIT-GIT \d+: git lfs fetch shipit \w+: status 0, \d+ ms$/m)
    expect(status).toBe(0)
    expect(await stage.live()).toEqual([revision])
    expect(await live('assets/big.bin')).toBe('the real file')
    expect(await live('vendor/library/library.bin')).toBe('of the library')
    expect(await readAll(trace)).toMatch(/"argv":\[[^\]]*remote-https/)
    expect(holdingPassword(trace)).toBe('')
    expect(holdingPassword(join(stage.directory, '.local_net_storage'))).toBe('')
  })

  it('plans and pushes without net-storage, without the password in any process or file', async () => {
    const { trace, env } = await traced('push-trace')
    const workspace = join(stage.directory, 'workspace')
    await mkdir(workspace)
    const pushed = await stage.shipitfile('push.cjs', PUSH)
    const settings = { ...trusted(), workspace, updateSubmodules: true, deployTo: 'srv/pushed' }
    const all = {
      ...env,
      // shipit-deploy has no gitConfig for submodules.
      GIT_SSL_CAINFO: web.certificate,
      REPOSITORY_URL: web.url('shop.git'),
      SETTINGS: JSON.stringify(settings),
    }
    const plan = await stage.run('deploy:plan', all, pushed)
    expect(plan.output).toContain(`Revision: ${revision}`)
    const deployed = await stage.run('deploy', all, pushed)
    expect(deployed.output).toContain('the shipitfile has the password')
    expect(deployed.status).toBe(0)
    const { home } = stage.fleet.host('web1')
    const library = join(home, 'srv/pushed/current/vendor/library/library.bin')
    expect(await readFile(library, 'utf8')).toBe('of the library')
    expect((await stage.run('pending', all, pushed)).output).toContain('No pending commits')

    expect(plan.output + deployed.output).not.toContain('canary')
    expect(plan.output).toMatch(/^SHIPIT-GIT \d+: git ls-remote shipit .*: status 0, \d+ ms$/m)
    expect(await readAll(trace)).toMatch(/"argv":\[[^\]]*remote-https/)
    expect(holdingPassword(trace)).toBe('')
    expect(holdingPassword(workspace)).toBe('')
    expect(holdingPassword(join(home, 'srv/pushed'))).toBe('')
  })

  it('deploys only a folder, and honours the attributes above it', async () => {
    const settings = { ...trusted(), netStorage: { reuseArchive: false, repoTree: 'assets' } }
    expect((await deploy(web.url('shop.git'), settings)).status).toBe(0)
    expect(await live('big.bin')).toBe('the real file')
    expect(await readdir(stage.path('web1', 'current'))).not.toContain('secret.bin')
    expect(await live('deep/odd $name.bin')).toBe('this one, too')
  })
})
