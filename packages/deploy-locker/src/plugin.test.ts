import { once } from 'node:events'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Shipit } from 'shipit-capistrano'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { FileLock, LockLostError } from './index.js'
import type { LockProvider } from './index.js'
import deployLocker from './plugin.js'
import type { DeployLockSettings } from './settings.js'

const ShipitCli = createRequire(import.meta.url)('shipit-cli') as new (options: object) => Shipit

let dir: string
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'deploy-locker-'))
})
afterEach(() => rm(dir, { recursive: true, force: true }))

function shipit(settings: DeployLockSettings, application = 'shop'): { shipit: Shipit; log: string[] } {
  const log: string[] = []
  const instance = new ShipitCli({
    environment: 'production',
    log: (line: string) => {
      log.push(line)
      if (line.includes('Waiting')) instance.emit('waiting')
    },
  })
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
  return { shipit: instance, log }
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
  const { shipit: instance, log } = shipit({ dir, user: 'alice', reason: 'a test' })
  expect(await start(instance, 'deploy:lock')).toBeUndefined()
  expect(await new FileLock({ dir }).inspect('shop.production')).toMatchObject({
    user: 'alice',
    reason: 'a test',
  })
  expect(await start(instance, 'deploy:lock', 'deploy:unlock')).toBeUndefined()
  expect(log.filter((line) => line === 'Locked shop.production.')).toHaveLength(1)
  expect(log).toContain('Unlocked shop.production.')
  expect(await readdir(dir)).toEqual([])
})

it("never unlocks what is somebody else's", async () => {
  const held = await new FileLock({ dir }).acquire({ key: 'shop.production', user: 'bob', reason: 'his' })
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

it('waits for the lock as long as it may', async () => {
  const held = await new FileLock({ dir }).acquire({ key: 'mine', user: 'bob', reason: 'his' })
  const { shipit: instance, log } = shipit({ dir, key: 'mine', wait: 30 })
  const waiting = once(instance, 'waiting')
  const locked = start(instance, 'deploy:lock')
  await waiting
  await held.release()
  expect(await locked).toBeUndefined()
  expect(log).toContainEqual(expect.stringMatching(/locked by bob.*Waiting up to 30 s/))
  expect(log).toContain('Locked mine.')
  await start(instance, 'deploy:unlock')
})

it('stops before publishing when the lock was lost', async () => {
  const lost = AbortSignal.abort(new LockLostError('shop.production'))
  const provider: LockProvider = {
    acquire: async () => ({ tookOverFrom: undefined, lost, release: async () => {} }),
    inspect: async () => undefined,
  }
  const { shipit: instance } = shipit({ provider })
  expect(instance.tasks).toHaveProperty('deploy:publish')
  expect(await start(instance, 'deploy:lock', 'deploy:lock:confirm')).toMatchObject({ code: 'E_LOCK_LOST' })
  const other = shipit({ provider }).shipit
  expect(await start(other, 'deploy:lock', 'deploy:publish')).toMatchObject({ code: 'E_LOCK_LOST' })
})

it('wants a name for the lock', async () => {
  const { shipit: instance } = shipit({ dir }, '')
  expect(await start(instance, 'deploy:lock')).toMatchObject({
    code: 'E_LOCK',
    message: expect.stringContaining("'application', or 'deployLock.key'"),
  })
})
