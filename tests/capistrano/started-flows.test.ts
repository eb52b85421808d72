import { readFile } from 'node:fs/promises'
import type { DeployRecord } from 'shipit-capistrano'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { Stage } from '../support/stage.js'

/** A push deploy with shipit-npm, which starts a task as soon as a deploy begins, and user tasks that run flows. */
const SHIPITFILE = `
const capistrano = require('shipit-capistrano')
const { env } = process
module.exports = shipit => {
  const { before, after, task, invoke, plugin } = capistrano(shipit)
  require('shipit-npm')(shipit)
  shipit.initConfig({ production: {
    deployTo: env.DEPLOY_TO, repositoryUrl: env.REPOSITORY_URL, branch: 'main',
    servers: JSON.parse(env.SERVERS), key: env.SSH_KEY, npm: { remote: false },
  } })
  shipit.blTask('npm:install', () => {})
  shipit.on('updated', () => shipit.start('warm'))
  shipit.task('warm', () => new Promise((resolve) => setImmediate(resolve)))
  for (const event of ['deploy', 'deployed', 'rollback', 'rollbacked'])
    shipit.on(event, () => console.log('event ' + event))
  task('ship', async () => {
    await invoke('deploy').catch((error) => { if (!env.CATCH) throw error })
  })
  task('ship:start', () => void shipit.start('deploy'))
  task('undo', () => invoke('rollback'))
  task('try', async () => {
    await invoke('deploy')
    await invoke('rollback')
  })
  shipit.task('migrate', () => new Promise((resolve, reject) => {
    if (env.MIGRATE === 'fail') setImmediate(() => reject(new Error('no migration')))
    else if (env.MIGRATE === 'exit') process.exit(4)
    else if (env.MIGRATE === 'hold') console.log('holding') || setInterval(() => {}, 1000)
    else resolve()
  }))
  before('deploy:publishing', 'migrate')
  after('deploy:published', 'health', () => { if (env.UNHEALTHY && plugin.run.kind === 'deploy') throw new Error('unhealthy') })
  after('deploy:failed', 'back', () => env.UNHEALTHY && invoke('rollback'))
  after('deploy:failed', 'report', () => console.log('reported the failure'))
  shipit.task('page', () => new Promise((resolve) => setImmediate(() => (console.log('paged'), resolve()))))
  after('deploy:failed', 'start:page', () => void shipit.start('page'))
}
`

const times = (output: string, text: string): number => output.split(text).length - 1

let stage: Stage
let shipitfile: string
let shipped: string
beforeAll(async () => {
  stage = await Stage.create({ names: ['web1'] })
  shipitfile = await stage.shipitfile('flows.cjs', SHIPITFILE)
  shipped = (await stage.run('ship', {}, shipitfile)).output
})
afterAll(() => stage.close())

async function lastRecord(): Promise<DeployRecord> {
  const lines = (await readFile(stage.path('web1', 'deploys.jsonl'), 'utf8')).trim().split('\n')
  return JSON.parse(lines.at(-1) ?? '') as DeployRecord
}

it('goes live, and counts as a deploy, when a task invokes it', async () => {
  // Tasks started by listeners run during it, as in a deploy from the command line.
  for (const task of ['npm:init', 'npm:install', 'warm']) {
    expect(shipped).toMatch(new RegExp(`Finished '${task}'.*Running 'deploy:publish'`, 's'))
    expect(times(shipped, `Running '${task}' task`)).toBe(1)
  }
  expect(await stage.live()).toEqual([await stage.app.git('rev-parse', 'HEAD')])
  expect(await lastRecord()).toMatchObject({ action: 'deploy', result: 'succeeded' })
})

it.each([
  ['deploy', {}],
  ['ship', {}],
  ['ship', { CATCH: '1' }],
  ['ship:start', {}],
])('runs its failure tasks once, and publishes nothing, when %s fails with %j', async (task, env) => {
  const before = await stage.live()
  await stage.app.commit({ VERSION: `${task} ${JSON.stringify(env)}\n` }, 'Not deployed')
  const { status, output } = await stage.run(task, { ...env, MIGRATE: 'fail' }, shipitfile)
  expect(status).toBe(1)
  expect(output).toContain("Failed in 'migrate'.")
  expect(output).toMatch(/'migrate' errored after/)
  expect(times(output, "Running 'deploy:failed' task")).toBe(1)
  expect(times(output, 'reported the failure')).toBe(1)
  // Tasks started by a failure hook also run.
  expect(times(output, 'paged')).toBe(1)
  expect(times(output, 'Error: no migration')).toBe(1)
  expect(output).not.toContain('Still running')
  expect(output).not.toContain("'deploy:publish' task")
  expect(await stage.live()).toEqual(before)
  expect(await lastRecord()).toMatchObject({ action: 'deploy', result: 'failed' })
})

it.each(['ship', 'ship:start'])('runs its failure tasks when %s is interrupted or exits', async (task) => {
  const run = stage.start(task, { MIGRATE: 'hold' }, shipitfile)
  await run.printed('holding')
  run.kill('SIGTERM')
  expect(await run.ended).toBe(143)
  expect(times(run.output, 'reported the failure')).toBe(1)

  const { status, output } = await stage.run(task, { MIGRATE: 'exit' }, shipitfile)
  expect(status).toBe(4)
  expect(output).toContain("The process is exiting in the middle of the deploy, in 'migrate'.")
  expect(output).toMatch(/Not finished because the process did not wait: .*'page'/)
  expect(times(output, 'reported the failure')).toBe(1)
})

it('counts as a rollback when a task invokes it', async () => {
  const [first] = await stage.live()
  expect((await stage.run('deploy', {}, shipitfile)).status).toBe(0)
  const { status, output } = await stage.run('undo', {}, shipitfile)
  expect(status).toBe(0)
  expect(output).toContain('event rollbacked')
  expect(output).not.toMatch(/^event deploy(ed)?$/m)
  expect(await stage.live()).toEqual([first])
  expect(await lastRecord()).toMatchObject({ action: 'rollback', result: 'succeeded' })
})

it('restores the previous release when a task invokes deploy and rollback, or a failure hook invokes rollback', async () => {
  for (const [task, env, expected] of [
    ['try', {}, 0],
    ['deploy', { UNHEALTHY: '1' }, 1],
  ] as const) {
    const before = await stage.live()
    await stage.app.commit({ VERSION: `${task}\n` }, 'Live for a moment')
    const { status, output } = await stage.run(task, env, shipitfile)
    expect(times(output, "Finished 'deploy:publish'")).toBe(2)
    expect(times(output, 'event rollbacked')).toBe(1)
    expect(await stage.live()).toEqual(before)
    expect(await lastRecord()).toMatchObject({ action: 'rollback', result: 'succeeded' })
    expect(status).toBe(expected)
  }
})

it('runs failure tasks for a rollback phase that is run by itself', async () => {
  const { status, output } = await stage.run('deploy:reverting', {}, shipitfile)
  expect(output).toContain('[E_NO_ROLLBACK]')
  expect(times(output, 'reported the failure')).toBe(1)
  expect(status).toBe(1)
})
