import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createProject, startShipit, type ShipitRun } from '../../testbed/shipit.js'
import { Stage } from '../support/stage.js'

/** A locked deploy with rsync, without storage. It can wait at a gate. */
const PUSH = `
import capistrano from 'shipit-capistrano'
import deployLocker from 'shipit-deploy-locker'
const { env } = process
export default shipit => {
  const { before, after } = capistrano(shipit)
  deployLocker(shipit)
  before('deploy:starting', 'deploy:lock')
  after('deploy:finished', 'deploy:unlock')
  after('deploy:failed', 'deploy:unlock')
  if (env.HOLD_BUILD) before('deploy:publishing', 'hold', () => shipit.local('echo holding && cat "$HOLD_BUILD"'))
  shipit.initConfig({ production: {
    application: 'shop', deployTo: env.DEPLOY_TO, repositoryUrl: env.REPOSITORY_URL, branch: 'main',
    servers: JSON.parse(env.SERVERS), key: env.SSH_KEY,
  } })
}
`

/** The same with a custom task list, which has none of the phases. */
const LIST = PUSH.replace('deploy:starting', 'deploy:fetch')
  .replace('deploy:finished', 'deploy:finish')
  .replace(
    '  shipit.initConfig',
    `  shipit.blTask('warm', () => {})
  shipit.blTask('deploy', ['deploy:init', 'deploy:fetch', 'deploy:update', 'deploy:publish', 'warm', 'deploy:clean', 'deploy:finish'])
  shipit.initConfig`,
  )
  .replace("'deploy:publishing', 'hold'", "'deploy:publish', 'hold'")

/** The example, with archives in a shared folder. */
const FOLDER = `
import { DirectoryTransport } from 'shipit-net-storage'
import example from './shipitfile'
export default shipit => {
  example(shipit)
  shipit.config.netStorage.transport = new DirectoryTransport({ path: process.env.SHARED })
}
`

let stage: Stage
let gate: string
beforeAll(async () => {
  stage = await Stage.create({ names: ['web1', 'web2'] })
  gate = join(stage.directory, 'gate')
  execFileSync('mkfifo', [gate])
  for (const who of ['alice', 'bob']) {
    await mkdir(join(stage.directory, who))
    await createProject(join(stage.directory, who))
    await writeFile(join(stage.directory, who, 'push.ts'), PUSH)
    await writeFile(join(stage.directory, who, 'list.ts'), LIST)
  }
})
afterAll(() => stage.close())

interface Ended {
  readonly status: number | string
  readonly output: string
  readonly stdout: string
}

/** Starts shipit in a person's own checkout. */
function start(who: 'alice' | 'bob', task: string, { file, ...env }: NodeJS.ProcessEnv): ShipitRun {
  const cwd = join(stage.directory, who)
  const shipitfile = file ? { shipitfile: join(cwd, file) } : {}
  return startShipit(task, { cwd, env: { ...stage.env, USER: who, ...env }, ...shipitfile })
}

async function run(...how: Parameters<typeof start>): Promise<Ended> {
  const started = start(...how)
  return { status: await started.ended, output: started.output, stdout: started.stdout }
}

/** Checks what others get while alice deploys, and what they can do about it. */
async function expectGuarded(env: NodeJS.ProcessEnv, bobs: NodeJS.ProcessEnv = {}): Promise<ShipitRun> {
  const alice = start('alice', 'deploy', { ...env, HOLD_BUILD: gate })
  await alice.printed(env['file'] ? '@ holding' : 'Running "npm run')
  const bob = (task: string, more: NodeJS.ProcessEnv = {}) => run('bob', task, { ...env, ...bobs, ...more })
  const refused = await bob('deploy')
  expect(refused.status).toBe(1)
  expect(refused.output).toMatch(/shop\.production is locked by alice .*\[E_LOCK_HELD\]/s)
  expect(refused.output).not.toContain("Running 'deploy:check")
  expect((await bob('deploy:status')).output).toContain('lock: shop.production is locked by alice')

  expect((await bob('deploy:freeze', { FREEZE_REASON: 'an incident' })).status).toBe(0)
  const check = await bob('deploy:lock:check', { FORMAT: 'json' })
  expect(check.status).toBe(1)
  expect(JSON.parse(check.stdout)).toMatchObject({
    key: 'shop.production',
    holder: { user: 'alice' },
    freeze: { user: 'bob', reason: 'an incident' },
  })
  expect((await bob('deploy:unfreeze')).status).toBe(0)
  expect((await bob('deploy:lock:break', { BREAK_REASON: 'it hangs' })).output).toContain(
    'Broke a lock: shop.production is locked by alice',
  )
  await writeFile(gate, 'go on')
  expect(await alice.ended).toBe(1)
  expect(alice.output).toContain('bob broke it (it hangs)')
  expect(await stage.live()).toEqual([undefined, undefined])
  return alice
}

it('keeps two checkouts of one user on one machine from deploying concurrently, and no others', async () => {
  const { output } = await expectGuarded({ file: 'push.ts' })
  expect(output).toContain(
    'Locked shop.production, against other deploys of this user on this machine; set deployLock.store to guard against other machines.',
  )
  expect(existsSync(join(stage.directory, 'state/shipit-deploy-locker'))).toBe(true)
  expect(existsSync(join(stage.directory, 'alice/.lock'))).toBe(false)

  const frozen = { file: 'push.ts', FREEZE_REASON: 'an incident' }
  expect((await run('alice', 'deploy:freeze', frozen)).status).toBe(0)
  const check = (env: NodeJS.ProcessEnv) => run('bob', 'deploy:lock:check', { ...frozen, ...env })
  expect((await check({})).status).toBe(1)
  // Filters select servers of a target; they do not make it another target.
  expect((await check({ HOSTS: 'web1' })).status).toBe(1)
  const [web1] = stage.fleet.servers
  for (const other of [{ DEPLOY_TO: 'srv/other' }, { SERVERS: JSON.stringify([web1]) }])
    expect((await check(other)).status).toBe(0)
  expect((await run('alice', 'deploy:unfreeze', frozen)).status).toBe(0)
})

it('guards a custom task list, and is released when that ends', async () => {
  await expectGuarded({ file: 'list.ts', DEPLOY_TO: 'srv/list' })
  const { status, output } = await run('bob', 'deploy', { file: 'list.ts', DEPLOY_TO: 'srv/list' })
  expect(output).toMatch(
    /Finished 'deploy:lock'.*Running 'deploy:fetch'.*Finished 'deploy:finish'.*Unlocked /s,
  )
  expect(status).toBe(0)
})

it('keeps two machines from deploying concurrently if their transport can keep a lock', async () => {
  const home = join(stage.directory, 'bob/home')
  const { output } = await expectGuarded({}, { HOME: home, XDG_STATE_HOME: join(home, 'state') })
  expect(output).toContain(
    `Locked shop.production, against every deploy that uses s3://${stage.bucket.name}/shop.`,
  )
  expect(await stage.bucket.keys()).toContain('shop/locks/shop.production.json')
})

it('keeps the lock in the folder of the archives', async () => {
  const shared = join(stage.directory, 'shared')
  for (const who of ['alice', 'bob']) await writeFile(join(stage.directory, who, 'folder.ts'), FOLDER)
  const env = { file: 'folder.ts', SHARED: shared, FREEZE_REASON: 'an incident' }
  const freeze = () => run('alice', 'deploy:freeze', env)
  expect((await freeze()).output).toMatch(/Can't keep a lock in the storage folder .*\[E_STORAGE\]/)
  await mkdir(shared)
  expect((await freeze()).status).toBe(0)
  const check = await run('bob', 'deploy:lock:check', { ...env, XDG_STATE_HOME: join(shared, 'state') })
  expect(check.output).toContain('[E_FROZEN]')
})

it('refuses without its storage, and says what else can keep a lock', async () => {
  const down = { S3_ENDPOINT: 'http://127.0.0.1:1' }
  const rollback = await run('bob', 'rollback', down)
  expect(rollback.status).toBe(1)
  expect(rollback.output).toMatch(/can't be reached .*deployLock: \{ dir/s)
  expect(rollback.output).not.toMatch(/^\s+at /m)
  // Other problems are reported with it, and the storage only once.
  const deploy = await run('bob', 'deploy', { ...down, BRANCH: 'mian' })
  expect(deploy.status).toBe(1)
  expect(deploy.output).toContain("'mian'")
  expect(deploy.output.match(/can't be reached/g)).toHaveLength(1)
  expect((await run('bob', 'deploy:status', down)).output).toMatch(/lock: unknown: .*can't be reached/)
})
