import { mkdir, readFile, readlink, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { DeployRecord, Plan, TreeNode } from 'shipit-capistrano'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { Stage } from '../support/stage.js'

/** shipit-deploy's own push deploy with only shipit-capistrano. */
const SHIPITFILE = `
const capistrano = require('shipit-capistrano')
const { env } = process
module.exports = shipit => {
  const { before, after, desc, task } = capistrano(shipit)
  shipit.initConfig({ production: {
    application: 'shop', deployTo: env.DEPLOY_TO, repositoryUrl: env.REPOSITORY_URL, branch: 'main',
    servers: JSON.parse(env.SERVERS), key: env.SSH_KEY, keepReleases: Number(env.KEEP || 5),
    linkedFiles: JSON.parse(env.LINKED_FILES || '[]'), linkedDirs: JSON.parse(env.LINKED_DIRS || '[]'),
  } })
  if (env.FAIL_IN) before(env.FAIL_IN, 'fail', () => { throw new Error('made to fail') })
  if (env.EXIT_IN) {
    before(env.EXIT_IN, 'exit', () => process.exit(4))
    after('deploy:failed', 'cleanup:quick', () => console.log('cleaned up in time'))
    after('deploy:failed', 'cleanup:slow', () => shipit.local('true'))
  }
  if (env.NOISE) {
    console.log('noise of a shipitfile')
    before(env.NOISE, 'noise', async () => {
      await shipit.local('echo noise of the machine')
      await shipit.remote('echo noise of a server')
    })
  }
  desc('Warms the cache', { runsOn: 'servers' })
  task('warm', () => {})
  after('deploy:published', 'warm')
}
`

let stage: Stage
let shipitfile: string
let first: string
beforeAll(async () => {
  stage = await Stage.create({ names: ['web1', 'web2'] })
  shipitfile = await stage.shipitfile('push.cjs', SHIPITFILE)
  first = await stage.app.git('rev-parse', 'HEAD')
})
afterAll(() => stage.close())

const run = (task: string, env: NodeJS.ProcessEnv = {}): ReturnType<typeof stage.run> =>
  stage.run(task, env, shipitfile)

const only = (name: string): NodeJS.ProcessEnv => ({ HOSTS: name })

async function records(host: string): Promise<DeployRecord[]> {
  const text = await readFile(stage.path(host, 'deploys.jsonl'), 'utf8')
  return text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as DeployRecord)
}

it('plans a first deploy, and changes nothing', async () => {
  const { status, stdout, output } = await run('deploy:plan', { FORMAT: 'json', NOISE: 'deploy:plan' })
  expect(status).toBe(0)
  for (const source of ['a shipitfile', 'the machine', 'a server'])
    expect(output).toContain(`noise of ${source}`)
  expect(output).toMatch(/^@web1 noise of a server$/m)
  const plan = JSON.parse(stdout) as Plan
  expect(plan).toMatchObject({ environment: 'production', branch: 'main', revision: first })
  expect(plan.servers).toEqual([
    expect.objectContaining({ server: 'web1', release: true, currentRelease: null, currentRevision: null }),
    expect.objectContaining({ server: 'web2' }),
  ])
  const names = plan.tasks.map(({ task }) => task)
  expect(names.slice(0, 2)).toEqual(['deploy:init', 'deploy:check:directories'])
  expect(plan.tasks[names.indexOf('deploy:publish')]).toMatchObject({ runsOn: 'servers' })
  expect(names).not.toContain('deploy:starting')
  await expect(readlink(stage.path('web1'))).rejects.toMatchObject({ code: 'ENOENT' })
})

it('refuses to deploy without its shared files, and creates their folders', async () => {
  const { status, output } = await run('deploy', { LINKED_FILES: '["config/secret key.yml"]' })
  expect(status).toBe(1)
  expect(output).toMatch(
    /2 of 2 servers failed:\s+web1, web2: missing: srv\/shop\/shared\/config\/secret key\.yml\./,
  )
  expect(await stage.live()).toEqual([undefined, undefined])
  for (const host of ['web1', 'web2']) {
    await writeFile(stage.path(host, 'shared/config/secret key.yml'), `of ${host}\n`)
  }
})

it('links shared files and folders into each release', async () => {
  const LINKED_FILES = '["config/secret key.yml"]'
  const LINKED_DIRS = '["log", "public/deep/uploads", "config/current.json"]'
  const { status, output } = await run('deploy', { LINKED_FILES, LINKED_DIRS })
  expect(output).toContain('is live on 2 servers')
  expect(status).toBe(0)
  const current = stage.path('web2', 'current')
  expect(await readlink(join(current, 'config/secret key.yml'))).toBe('../../../shared/config/secret key.yml')
  expect(await readFile(join(current, 'config/secret key.yml'), 'utf8')).toBe('of web2\n')
  expect(await readlink(join(current, 'public/deep/uploads'))).toBe('../../../../shared/public/deep/uploads')
  await writeFile(join(current, 'log/app.log'), 'kept')
  expect((await run('deploy', { LINKED_FILES, LINKED_DIRS })).status).toBe(0)
  expect(await readFile(join(current, 'log/app.log'), 'utf8')).toBe('kept')
})

it('logs deploys for people and for programs', async () => {
  const lines = (await readFile(stage.path('web1', 'revisions.log'), 'utf8')).trim().split('\n')
  expect(lines).toHaveLength(2)
  expect(lines[0]).toMatch(
    new RegExp(`^Branch main \\(at ${first}\\) deployed as release \\d{14} by tester$`),
  )
  const all = await records('web1')
  expect(all.map(({ result }) => result)).toEqual(['succeeded', 'succeeded'])
  expect(all[0]).toEqual({
    at: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
    action: 'deploy',
    user: 'tester',
    from: expect.any(String),
    environment: 'production',
    branch: 'main',
    revision: first,
    release: expect.stringMatching(/^\d{14}$/),
    servers: 2,
    seconds: expect.any(Number),
    took: { tasks: expect.any(Object), server: expect.any(Object) },
    result: 'succeeded',
  })
})

it('rolls back to a finished release that every server has, even if servers are out of step', async () => {
  const second = await stage.app.commit({ VERSION: '2\n' }, 'Version 2')
  expect((await run('deploy')).status).toBe(0)
  const third = await stage.app.commit({ VERSION: '3\n' }, 'Version 3')
  expect((await run('deploy', only('web1'))).status).toBe(0)
  expect(await stage.live()).toEqual([third, second])
  // Never finished, but looks like the newest on both.
  const releases = await stage.releases('web1')
  for (const host of ['web1', 'web2']) await mkdir(stage.path(host, 'releases/20991231235959'))
  const { status, output } = await run('deploy:rollback')
  expect(output).toContain('Rolling back from release')
  expect(status).toBe(0)
  expect(await stage.live()).toEqual([second, second])
  expect((await records('web2')).at(-1)).toMatchObject({ action: 'rollback', branch: null, revision: second })
  expect((await readFile(stage.path('web1', 'revisions.log'), 'utf8')).trim()).toMatch(
    new RegExp(`tester rolled back to release ${releases.at(-2)}$`),
  )
  for (const host of ['web1', 'web2'])
    await rm(stage.path(host, 'releases/20991231235959'), { recursive: true })
})

it('deploys to a server that was added later', async () => {
  await rm(stage.path('web2'), { recursive: true })
  const { status, output } = await run('deploy')
  expect(output).toContain('is live on 2 servers')
  expect(output).not.toContain('not synced')
  expect(status).toBe(0)
})

it('never removes the live release, however few are kept', async () => {
  expect((await run('rollback', { ...only('web1'), KEEP: '1' })).status).toBe(0)
  const live = await readlink(stage.path('web1', 'current'))
  expect((await run('deploy:clean', { ...only('web1'), KEEP: '1' })).status).toBe(0)
  expect(await stage.releases('web1')).toContain(live.replace('releases/', ''))
})

it('reports why it cannot roll back', async () => {
  const { status, output } = await run('rollback', only('web2'))
  expect(status).toBe(1)
  expect(output).toContain("Can't roll back: no server has a release that was live before")
  expect(output).toContain('[E_NO_ROLLBACK]')
})

it('logs a failed deploy on the servers that it had reached', async () => {
  const { status } = await run('deploy', { FAIL_IN: 'deploy:publish' })
  expect(status).toBe(1)
  expect((await records('web2')).at(-1)).toMatchObject({ action: 'deploy', result: 'failed', servers: 2 })
})

it('runs synchronous failure hooks if the process exits midway, and reports what was not finished', async () => {
  const { status, output } = await run('deploy', { EXIT_IN: 'deploy:publish' })
  expect(status).toBe(4)
  expect(output).toContain("The process is exiting in the middle of the deploy, in 'exit'")
  expect(output).toContain('cleaned up in time')
  expect(output).toMatch(/Not finished because the process did not wait: .*'cleanup:slow'/)
  expect(output).not.toMatch(/Not finished.*'cleanup:quick'/)
})

it('prints the tree of a deploy with hooks and descriptions, and of any task', async () => {
  const { output } = await run('deploy:tree')
  expect(output).toMatch(/^ {2}deploy:published +The release is live/m)
  expect(output).toMatch(/^ {4}after: warm +Warms the cache$/m)
  const json = await run('deploy:tree', { FORMAT: 'json', TASK: 'deploy:published' })
  const tree = JSON.parse(json.stdout) as TreeNode
  expect(tree).toMatchObject({
    task: 'deploy:published',
    as: 'task',
    children: [{ task: 'warm', as: 'after', description: 'Warms the cache', children: [] }],
  })
})

it('prints a readable plan, with what is live on each server', async () => {
  await symlink('nowhere', stage.path('web2', 'current-broken'))
  const { status, output } = await run('deploy:plan')
  expect(status).toBe(0)
  expect(output).toMatch(/web1 {2}now [0-9a-f]{40} \(release \d{14}\)/)
  expect(output).toMatch(/^ +\d+\. warm +servers +Warms the cache \(after deploy:published\)$/m)
})

it('lists tasks that have a description', async () => {
  const { output } = await run('tasks')
  expect(output).toMatch(/^warm +Warms the cache$/m)
  expect(output).toMatch(/^rollback +Rolls back to the previously live release/m)
  expect(JSON.parse((await run('tasks', { FORMAT: 'json' })).stdout)).toContainEqual({
    task: 'warm',
    description: 'Warms the cache',
  })
  const failed = await run('deploy:tree', { FORMAT: 'json', TASK: 'missing' })
  expect(failed.status).toBe(1)
  expect(failed.stdout).toBe('')
})

it('rejects filters that match no server', async () => {
  const { status, output } = await run('deploy', { HOSTS: 'web1,wep2' })
  expect(status).toBe(1)
  expect(output).toContain("HOSTS: no server matches 'wep2'; did you mean 'web2'?")
  expect(output).not.toMatch(/^\s+at /m)
  expect(output).not.toContain('deploy:failed')
  expect((await run('deploy', { ROLES: 'web' })).output).toContain("ROLES: no server matches 'web'")
})
