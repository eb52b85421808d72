import { execFileSync } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createProject, startShipit, type ShipitRun } from '../../testbed/shipit.js'
import { openGate } from '../support/gate.js'
import { Stage } from '../support/stage.js'

/** The example with a lock in S3, and with more locked tasks; its build can wait or fall asleep. */
const SHIPITFILE = `
import capistrano from 'shipit-capistrano'
import { S3LockStore } from 'shipit-net-storage-s3'
import example from './shipitfile'
const { env } = process
const sleep = () => {
  console.log('falls asleep')
  process.kill(process.pid, 'SIGSTOP')
}
export default shipit => {
  const dsl = capistrano(shipit)
  const { before, after } = dsl
  example(shipit)
  // After the lock's own check.
  dsl.plugin.beforePublish(async () => {
    if (env.SLEEP === 'confirmed') sleep()
  })
  before('net_storage:prefetch', 'deploy:lock')
  after('net_storage:prefetch', 'deploy:unlock')
  before('net_storage:pull_deploy', 'deploy:lock')
  dsl.task('locked:fail', [], () => { throw new Error('it failed') })
  before('locked:fail', 'deploy:lock')
  after('net_storage:prepare_archive', 'build:sleep', () => { if (env.SLEEP === 'build') sleep() })
  const { bucket, prefix, region, endpoint, forcePathStyle } = JSON.parse(env.S3_LOCK)
  shipit.config.deployLock = {
    wait: Number(env.LOCK_WAIT ?? 0),
    ...(env.LOCK_IN === 'file' ? { dir: '.lock' } : { store: new S3LockStore({ bucket, prefix, region, endpoint, forcePathStyle, lease: 3 }) }),
  }
}
`

let stage: Stage
let gate: string
beforeAll(async () => {
  stage = await Stage.create({ names: ['web1'] })
  gate = join(stage.directory, 'gate')
  execFileSync('mkfifo', [gate])
  for (const who of ['alice', 'bob']) {
    await mkdir(join(stage.directory, who, 'home'), { recursive: true })
    await createProject(join(stage.directory, who))
    await writeFile(join(stage.directory, who, 'lock.ts'), SHIPITFILE)
  }
  await run('alice', 'deploy')
})
afterAll(() => stage.close())

let version = 0
/** Something to build. */
const commit = (): Promise<string> =>
  stage.app.commit({ VERSION: `${(version += 1)}\n` }, `Version ${version}`)
beforeEach(commit)

/** Starts shipit as one of two people on separate machines: their checkouts and homes have nothing in common. */
function start(who: 'alice' | 'bob', task: string, env: NodeJS.ProcessEnv = {}): ShipitRun {
  const cwd = join(stage.directory, who)
  const { S3_ENDPOINT: endpoint, S3_REGION: region } = stage.env
  const lock = { bucket: stage.bucket.name, prefix: 'locking', region, endpoint, forcePathStyle: true }
  return startShipit(task, {
    cwd,
    shipitfile: join(cwd, 'lock.ts'),
    env: { ...stage.env, HOME: join(cwd, 'home'), USER: who, S3_LOCK: JSON.stringify(lock), ...env },
  })
}

async function run(...how: Parameters<typeof start>): Promise<{ status: number | string; output: string }> {
  const started = start(...how)
  return { status: await started.ended, output: started.output }
}

it('lets one of two machines deploy, shows the other who does, and lets it wait', async () => {
  const alice = start('alice', 'deploy', { HOLD_BUILD: gate })
  await alice.printed('Running "npm run')
  for (const task of ['deploy', 'rollback', 'net_storage:prefetch', 'net_storage:pull_deploy']) {
    const bob = await run('bob', task)
    expect(bob.status).toBe(1)
    expect(bob.output).toMatch(
      /shop\.production is locked by alice \(shipit .*deploy\) since .* \[E_LOCK_HELD\]/,
    )
    expect(bob.output).not.toMatch(/Running 'net_storage|Running 'deploy:check/)
  }
  expect((await run('bob', 'deploy:lock:check')).status).toBe(1)

  const waiting = start('bob', 'deploy', { LOCK_WAIT: '100' })
  await waiting.printed('Waiting up to 100 s.')
  for (const task of ['deploy', 'net_storage:prefetch']) {
    const impatient = start('bob', task, { LOCK_WAIT: '100' })
    await impatient.printed('Waiting up to 100 s.')
    impatient.interrupt()
    expect(await impatient.ended).toBe(130)
    expect(impatient.output).not.toContain('Locked')
  }

  await writeFile(gate, 'go on')
  expect(await alice.ended).toBe(0)
  expect(await waiting.ended).toBe(0)
  expect(waiting.output).toContain('Locked shop.production, against every deploy that uses s3://')
  expect((await run('bob', 'deploy:lock:check')).status).toBe(0)
  const prefetch = await run('bob', 'net_storage:prefetch')
  expect(prefetch.output).toMatch(/Locked shop\.production, .*Unlocked shop\.production\./s)
  expect(prefetch.status).toBe(0)
  const failed = await run('bob', 'locked:fail')
  expect(failed.output).toMatch(/Locked shop\.production, .*Unlocked shop\.production\..*it failed/s)
  expect(failed.status).toBe(1)
  // The deploy uses the lock that a task took before it.
  const pull = await run('bob', 'net_storage:pull_deploy')
  expect(pull.output.match(/Locked shop/g)).toHaveLength(1)
  expect(pull.status).toBe(0)
})

it('continues immediately after a killed deploy of this machine', async () => {
  const alice = start('alice', 'deploy', { HOLD_BUILD: gate })
  await alice.printed('Running "npm run')
  alice.kill('SIGKILL')
  await alice.ended
  const bob = await run('bob', 'deploy')
  expect(bob.output).toContain('Took over an abandoned lock: shop.production is locked by alice')
  expect(bob.status).toBe(0)
  // Her build may still be running.
  await openGate(gate)
})

it.each([
  ['build', "lost the lock 'shop.production': bob took it over", 'E_LOCK_LOST'],
  ['confirmed', 'web1: refused: a deploy that got the lock later has already published here', 'E_SERVERS'],
])('does not let a deploy publish after it slept past its lease (%s)', async (where, message, code) => {
  const sleeper = start('alice', 'deploy', { SLEEP: where })
  await sleeper.printed('falls asleep')
  const revision = await commit()
  const bob = await run('bob', 'deploy', { LOCK_WAIT: '60' })
  expect(bob.output).toMatch(/Waiting up to 60 s.*Took over an abandoned lock/s)
  expect(bob.status).toBe(0)
  sleeper.kill('SIGCONT')
  expect(await sleeper.ended).toBe(1)
  expect(sleeper.output).toContain(message)
  expect(sleeper.output).toContain(`[${code}]`)
  expect(await stage.live()).toEqual([revision])
  expect((await run('bob', 'deploy:lock:check')).status).toBe(0)
})

describe.each(['s3', 'file'])('frozen (%s)', (where) => {
  const as = (task: string, env: NodeJS.ProcessEnv = {}): ReturnType<typeof run> =>
    run('alice', task, { LOCK_IN: where, ...env })

  it('refuses deploys and rollbacks with the reason, except for a rollback with FREEZE_OVERRIDE', async () => {
    expect((await as('deploy')).status).toBe(0)
    const frozen = await as('deploy:freeze', { FREEZE_REASON: 'an incident', FREEZE_UNTIL: '2999-01-01' })
    expect(frozen.status).toBe(0)
    const live = await stage.live()
    for (const task of ['deploy', 'rollback']) {
      const refused = await as(task)
      expect(refused.status).toBe(1)
      expect(refused.output).toMatch(
        /Deploys are frozen by alice \(an incident\) since .* until 2999-01-01 00:00:00 UTC\..*\[E_FROZEN\]/,
      )
    }
    expect(await stage.live()).toEqual(live)
    const insisting = await as('rollback', { FREEZE_OVERRIDE: '1' })
    expect(insisting.output).toContain('This rollback continues because FREEZE_OVERRIDE=1.')
    expect(insisting.status).toBe(0)
    expect((await as('deploy:unfreeze')).status).toBe(0)
    expect((await as('deploy:lock:check')).status).toBe(0)
  })
})
