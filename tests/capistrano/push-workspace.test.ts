import { mkdir, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { findProgram } from '../../testbed/find-program.js'
import { Stage } from '../support/stage.js'

/** A push deploy of local files, without a repository to fetch from. */
const SHIPITFILE = `
const capistrano = require('shipit-capistrano').default
module.exports = shipit => {
  capistrano(shipit)
  shipit.initConfig({ production: {
    deployTo: process.env.DEPLOY_TO, servers: JSON.parse(process.env.SERVERS), key: process.env.SSH_KEY,
    ...JSON.parse(process.env.SETTINGS),
  } })
}
`

const TOOLS = 'sh cat cp find head ln ls mkdir mv readlink rm rsync sort touch tr uniq xargs dirname'.split(
  ' ',
)

/** Seconds since 1970. */
const NEW = 1_700_000_000

let stage: Stage
let shipitfile: string
let workspace: string
beforeAll(async () => {
  stage = await Stage.create({ names: ['web1'], paths: { web1: TOOLS } })
  shipitfile = await stage.shipitfile('workspace.cjs', SHIPITFILE)
  workspace = join(stage.directory, 'work space')
})
afterAll(() => stage.close())

beforeEach(async () => {
  await rm(workspace, { recursive: true, force: true })
  await mkdir(workspace)
})

const deploy = (settings: object): Promise<{ status: number | string; output: string }> =>
  stage.run('deploy', { SETTINGS: JSON.stringify(settings) }, shipitfile)

/** Expects status 1, one clear error, and no new release on the server. */
async function refused(settings: object): Promise<string> {
  const before = await stage.releases('web1').catch(() => [])
  const { status, output } = await deploy(settings)
  expect(status).toBe(1)
  expect(output).not.toMatch(/^\s+at /m)
  expect(await stage.releases('web1')).toEqual(before)
  return output
}

it('deploys a folder that is not a repository as it is', async () => {
  await writeFile(join(workspace, 'index.html'), 'hello')
  const { status } = await deploy({ workspace, shallowClone: false })
  expect(status).toBe(0)
  expect(await readFile(stage.path('web1', 'current/index.html'), 'utf8')).toBe('hello')
  expect(await readdir(stage.path('web1', 'current'))).toEqual(['index.html'])
})

it('refuses to deploy the empty folder that shallowClone puts in place of the workspace', async () => {
  await writeFile(join(workspace, 'index.html'), 'hello')
  expect(await refused({ workspace })).toMatch(
    /shallowClone: without repositoryUrl it replaces workspace with an empty folder; set it to false\. .*\[E_WORKSPACE\]/,
  )
})

it.each([
  ['an empty workspace', {}],
  ['a missing folder in it', { dirToCopy: 'dist' }],
  ['an empty folder in it', { dirToCopy: 'empty' }],
])('refuses to deploy %s', async (_, settings) => {
  await mkdir(join(workspace, 'empty'))
  if (!('dirToCopy' in settings)) await rm(join(workspace, 'empty'), { recursive: true })
  expect(await refused({ workspace, shallowClone: false, ...settings })).toMatch(
    /There is nothing to deploy in .*work space.*\[E_WORKSPACE\]/,
  )
})

it('refuses a workspace that is a repository without the branch', async () => {
  const settings = { workspace: stage.app.directory, shallowClone: false, branch: 'no-such' }
  expect(await refused(settings)).toMatch(
    /The workspace .* has no branch, tag or commit 'no-such'.*\[E_WORKSPACE\]/,
  )
})

it("records the workspace's revision when another folder is copied", async () => {
  await writeFile(join(workspace, 'index.html'), 'built')
  const settings = {
    workspace: stage.app.directory,
    shallowClone: false,
    rsyncFrom: workspace,
    branch: 'main',
  }
  expect((await deploy(settings)).status).toBe(0)
  expect(await stage.live()).toEqual([await stage.app.git('rev-parse', 'HEAD')])
  expect(await readFile(stage.path('web1', 'current/index.html'), 'utf8')).toBe('built')
})

it("copies what changed even if the last release's copy has the same size and time", async () => {
  // Makes copies as old as the workspace.
  const cp = `#!/bin/sh\n${await findProgram('cp')} "$@" && find . -type f -exec touch -d @${NEW} {} +\n`
  const path = join(stage.fleet.host('web1').home, '../bin/cp')
  await rm(path)
  await writeFile(path, cp, { mode: 0o755 })
  for (const content of ['one', 'two']) {
    await writeFile(join(workspace, 'index.html'), content)
    await utimes(join(workspace, 'index.html'), NEW, NEW)
    expect((await deploy({ workspace, shallowClone: false, copy: '-r' })).status).toBe(0)
    expect(await readFile(stage.path('web1', 'current/index.html'), 'utf8')).toBe(content)
  }
})
