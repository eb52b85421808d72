import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import capistrano, { type Shipit } from 'shipit-capistrano'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { FileLockStore, Lock, LockError } from './index.js'
import type { LockStore } from './index.js'
import deployLocker from './plugin.js'
import type { DeployLockSettings } from './settings.js'

const ShipitCli = createRequire(import.meta.url)('shipit-cli') as new (options: object) => Shipit

let dir: string
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'deploy-locker-'))
})
afterEach(async () => {
  vi.unstubAllEnvs()
  await rm(dir, { recursive: true, force: true })
})

function shipit(
  settings: DeployLockSettings,
  application = 'shop',
): { shipit: Shipit; log: string[]; events: [string, object][] } {
  const log: string[] = []
  const events: [string, object][] = []
  const instance = new ShipitCli({
    environment: 'production',
    log: (line: string) => {
      log.push(line)
      if (line.includes('Waiting')) instance.emit('waiting')
    },
  })
  const emit = instance.emit.bind(instance)
  instance.emit = (event: string, ...details: unknown[]) => {
    if (event.startsWith('lock:')) events.push([event, details[0] as object])
    return emit(event, ...details)
  }
  deployLocker(instance)
  deployLocker(instance)
  instance.initConfig({
    production: {
      servers: 'deploy@localhost',
      deployLock: settings,
      ...(application ? { application } : {}),
    },
  })
  instance.initialize()
  return { shipit: instance, log, events }
}

/** Runs tasks. Resolves with the error that they ended with, if one. */
async function start(instance: Shipit, ...tasks: string[]): Promise<unknown> {
  // Orchestrator throws where nobody listens.
  if (instance.listenerCount('err') === 0) instance.on('err', () => {})
  const ended = Promise.race([
    once(instance, 'stop').then(() => undefined),
    once(instance, 'task_err').then(([event]: { err: unknown }[]) => event?.err),
  ])
  instance.start(...tasks)
  return ended
}

it('locks under the name of application and environment, once, and unlocks', async () => {
  const { shipit: instance, log, events } = shipit({ dir, user: 'alice', reason: 'a test' })
  expect(await start(instance, 'deploy:lock')).toBeUndefined()
  expect(await new Lock(new FileLockStore({ dir })).inspect('shop.production')).toMatchObject({
    user: 'alice',
    reason: 'a test',
  })
  expect(await start(instance, 'deploy:lock', 'deploy:unlock')).toBeUndefined()
  expect(log.filter((line) => line.startsWith('Locked'))).toEqual([
    `Locked shop.production, against every deploy that uses ${dir}.`,
  ])
  expect(log).toContain('Unlocked shop.production.')
  expect(events.map(([event]) => event)).toEqual(['lock:taken', 'lock:released'])
  expect(await new Lock(new FileLockStore({ dir })).inspect('shop.production')).toBeUndefined()
})

it("never releases somebody else's lock", async () => {
  const held = await new Lock(new FileLockStore({ dir })).acquire({
    key: 'shop.production',
    user: 'bob',
    reason: 'his',
  })
  const { shipit: instance } = shipit({ dir })
  expect(await start(instance, 'deploy:unlock')).toBeUndefined()
  expect(await start(instance, 'deploy:lock:check')).toMatchObject({
    code: 'E_LOCK_HELD',
    holder: { user: 'bob' },
  })
  expect(await start(instance, 'deploy:lock')).toMatchObject({ code: 'E_LOCK_HELD', holder: { user: 'bob' } })
  await held.release()
  expect(await start(instance, 'deploy:lock:check')).toBeUndefined()
})

it('waits for the lock', async () => {
  const held = await new Lock(new FileLockStore({ dir })).acquire({ key: 'mine', user: 'bob', reason: 'his' })
  const { shipit: instance, log, events } = shipit({ dir, key: 'mine', wait: 30 })
  const waiting = once(instance, 'waiting')
  const locked = start(instance, 'deploy:lock')
  await waiting
  await held.release()
  expect(await locked).toBeUndefined()
  expect(log).toContainEqual(expect.stringMatching(/locked by bob.*Waiting up to 30 s/))
  expect(log).toContain(`Locked mine, against every deploy that uses ${dir}.`)
  expect(events).toMatchObject([
    ['lock:waiting', { holder: { user: 'bob' }, wait: 30 }],
    ['lock:waited', { key: 'mine' }],
    ['lock:taken', { tookOverFrom: undefined }],
  ])
  await start(instance, 'deploy:unlock')
})

/** A store whose locks are broken as soon as they are renewed. */
function losing(): LockStore {
  const store = new FileLockStore({ dir })
  return {
    read: (key) => store.read(key),
    write: (...state) => store.write(...state),
    async touch(key, version) {
      await new Lock(store).break(key, { user: 'bob', reason: 'it hangs' })
      return store.touch(key, version)
    },
  }
}

it('stops before publishing when the lock was lost, and says how it was lost', async () => {
  const { shipit: instance, events } = shipit({ store: losing() })
  expect(instance.tasks).toHaveProperty('deploy:publish')
  expect(await start(instance, 'deploy:lock', 'deploy:lock:confirm')).toMatchObject({
    code: 'E_LOCK_LOST',
    message: expect.stringMatching(/lost the lock 'shop\.production': bob broke it \(it hangs\)\./),
  })
  expect(events.map(([event]) => event)).toEqual(['lock:taken', 'lock:lost'])
  const other = shipit({ store: losing() }).shipit
  expect(await start(other, 'deploy:lock', 'deploy:publish')).toMatchObject({ code: 'E_LOCK_LOST' })
})

it.each([
  ['in order', ['losing', 'next']],
  ['invoked', ['losing:invoke']],
])('starts no other task once the lock is lost, %s', async (_, tasks) => {
  const { shipit: instance } = shipit({ dir })
  const { task, invoke } = capistrano(instance)
  const ran: string[] = []
  const lose = async (): Promise<void> => {
    await new Lock(new FileLockStore({ dir })).break('shop.production', { user: 'bob', reason: 'it hangs' })
    await once(instance, 'lock:lost')
    ran.push('lost')
  }
  task('next', [], () => void ran.push('next'))
  task('losing', [], lose)
  task('losing:invoke', [], () => lose().then(() => invoke('next')))
  expect(await start(instance, 'deploy:lock', ...tasks)).toMatchObject({ code: 'E_LOCK_LOST' })
  expect(ran).toEqual(['lost'])
})

it('breaks a lock, with a reason, and says whose it was', async () => {
  vi.stubEnv('BREAK_REASON', '')
  const { shipit: instance, log, events } = shipit({ dir, user: 'alice' })
  expect(await start(instance, 'deploy:lock:break')).toMatchObject({
    code: 'E_LOCK',
    message: expect.stringContaining('BREAK_REASON'),
  })
  vi.stubEnv('BREAK_REASON', 'it hangs')
  await start(instance, 'deploy:lock:break')
  expect(log).toContain('shop.production is not locked: nothing to break.')
  const held = await new Lock(new FileLockStore({ dir })).acquire({
    key: 'shop.production',
    user: 'bob',
    reason: 'his',
  })
  await start(instance, 'deploy:lock:break')
  expect(log).toContainEqual(
    expect.stringMatching(/^Broke a lock: shop\.production is locked by bob \(his\)/),
  )
  expect(events).toMatchObject([
    ['lock:broken', { holder: { user: 'bob' }, by: { user: 'alice', reason: 'it hangs' } }],
  ])
  await expect(held.confirm()).rejects.toThrow('alice broke it (it hangs)')
})

describe('frozen', () => {
  it('refuses deploys with its reason until it is unfrozen, also after the process has ended', async () => {
    vi.stubEnv('FREEZE_REASON', 'Christmas')
    vi.stubEnv('FREEZE_UNTIL', '2999-01-02T08:00Z')
    const { shipit: instance, log, events } = shipit({ dir, user: 'alice' })
    expect(await start(instance, 'deploy:freeze')).toBeUndefined()
    expect(log).toContainEqual(
      expect.stringMatching(
        /^Deploys are frozen by alice \(Christmas\) since .* until 2999-01-02 08:00:00 UTC\.$/,
      ),
    )
    expect(await start(instance, 'deploy:freeze')).toMatchObject({ code: 'E_FROZEN' })
    expect(await start(instance, 'deploy:lock')).toMatchObject({
      code: 'E_FROZEN',
      message: expect.stringContaining('Christmas'),
    })
    expect(await start(instance, 'deploy:lock:check')).toMatchObject({ code: 'E_FROZEN' })
    await start(instance, 'deploy:unfreeze')
    await start(instance, 'deploy:unfreeze')
    expect(log).toContain('Deploys of shop.production are not frozen.')
    expect(await start(instance, 'deploy:lock', 'deploy:unlock')).toBeUndefined()
    expect(events.map(([event]) => event)).toEqual([
      'lock:frozen',
      'lock:refused',
      'lock:unfrozen',
      'lock:taken',
      'lock:released',
    ])
  })

  it('stops a running deploy before it publishes, and says so', async () => {
    vi.stubEnv('FREEZE_REASON', 'an incident')
    vi.stubEnv('FREEZE_UNTIL', undefined)
    const { shipit: deploy } = shipit({ dir, user: 'alice' })
    expect(await start(deploy, 'deploy:lock')).toBeUndefined()
    const { shipit: instance, log } = shipit({ dir, user: 'bob' })
    await start(instance, 'deploy:freeze')
    expect(log).toContainEqual(
      expect.stringMatching(/locked by alice .* It will stop before it publishes\.$/),
    )
    expect(await start(deploy, 'deploy:publish')).toMatchObject({ code: 'E_FROZEN' })
    await start(deploy, 'deploy:unlock')
  })

  it('requires a reason, and a time in the future', async () => {
    const { shipit: instance } = shipit({ dir })
    const freeze = async (reason: string, until: string): Promise<unknown> => {
      vi.stubEnv('FREEZE_REASON', reason)
      vi.stubEnv('FREEZE_UNTIL', until)
      return start(instance, 'deploy:freeze')
    }
    expect(await freeze('', '')).toMatchObject({
      code: 'E_LOCK',
      message: expect.stringContaining('FREEZE_REASON'),
    })
    for (const until of ['tomorrow', '2001-01-01']) {
      expect(await freeze('Christmas', until)).toMatchObject({
        code: 'E_LOCK',
        message: expect.stringContaining(`got '${until}'`),
      })
    }
    expect(await start(instance, 'deploy:lock:check')).toBeUndefined()
  })
})

it('never lets a task continue that invoked the lock and did not get it', async () => {
  const write = async (): Promise<never> => {
    throw new LockError('the store is gone')
  }
  const { shipit: instance } = shipit({ store: { ...losing(), write } })
  const { task, invoke, before } = capistrano(instance)
  const ran: string[] = []
  task('own', [], async () => {
    await invoke('deploy:lock')
    ran.push('went on')
  })
  before('deploy:starting', 'own')
  expect(await start(instance, 'deploy')).toMatchObject({ message: 'the store is gone' })
  expect(ran).toEqual([])
})

it("reports a store's mistakes with those of all settings", () => {
  const store = { ...losing(), mistakes: ['bucket: expected the name of a bucket'] }
  const listeners = process.listeners('uncaughtException')
  let thrown: unknown
  try {
    shipit({ store, wait: -1 })
  } catch (error) {
    thrown = error
  }
  for (const each of process.listeners('uncaughtException'))
    if (!listeners.includes(each)) process.off('uncaughtException', each)
  expect(thrown).toMatchObject({
    code: 'E_CONFIG',
    message: expect.stringMatching(
      /deployLock\.wait: expected seconds.*deployLock\.store: bucket: expected/s,
    ),
  })
})

it('requires a name for the lock', async () => {
  const { shipit: instance } = shipit({ dir }, '')
  expect(await start(instance, 'deploy:lock')).toMatchObject({
    code: 'E_LOCK',
    message: expect.stringContaining("'application', or 'deployLock.key'"),
  })
})
