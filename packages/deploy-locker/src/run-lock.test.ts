import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { FileLockStore } from './file-lock-store.js'
import { Lock } from './lock.js'
import type { LockStore } from './lock-store.js'
import { RunLock } from './run-lock.js'

let dir: string
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'run-lock-'))
})
afterEach(() => rm(dir, { recursive: true, force: true }))

it('releases a lock that it got just when it was interrupted', async () => {
  const log: string[] = []
  const lock = new RunLock({ environment: () => 'test', log: (line) => log.push(line), emit: () => {} })
  const store = new FileLockStore({ dir })
  const interrupt = new AbortController()
  const reason = new Error('interrupted')
  const interrupting: LockStore = {
    read: (key) => store.read(key),
    async write(...state) {
      const version = await store.write(...state)
      interrupt.abort(reason)
      return version
    },
  }
  const request = { key: 'shop', user: 'alice', reason: 'hers' }
  await expect(
    lock.take(new Lock(interrupting), request, { wait: 0, signal: interrupt.signal }),
  ).rejects.toBe(reason)
  expect(lock.isHeld).toBe(false)
  expect(await new Lock(store).inspect('shop')).toBeUndefined()
  expect(log).toEqual([])
})
