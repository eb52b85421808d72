import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { FileLockStore } from './file-lock-store.js'
import { Lock } from './lock.js'
import type { LockStore } from './lock-store.js'

const ALICE = { key: 'shop', user: 'alice', reason: 'hers' }
const BOB = { key: 'shop', user: 'bob', reason: 'his' }

let dir: string
let store: FileLockStore
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'lock-records-'))
  store = new FileLockStore({ dir })
})
afterEach(() => rm(dir, { recursive: true, force: true }))

/** The store behind a network: `write` decides what becomes of each write. */
function behind(write: LockStore['write']): Lock {
  return new Lock({ read: (key) => store.read(key), write })
}

it.each(['rejects', 'is refused when it tries again'])(
  'finds out that a write whose answer was lost succeeded, if the store %s',
  async (outcome) => {
    const lock = behind(async (...state) => {
      await store.write(...state)
      if (outcome === 'rejects') throw new Error('connection reset')
      return undefined
    })
    const held = await lock.acquire(ALICE)
    expect(held.fencingToken.number).toBe(1)
    await held.confirm()
    await held.release()
    expect(await new Lock(store).inspect('shop')).toBeUndefined()
    await lock.acquire(BOB)
    expect(await lock.break('shop', ALICE)).toMatchObject(BOB)
  },
)

it('is lost in time when the store keeps refusing its writes, and can be released then', async () => {
  let refuses = false
  const write: LockStore['write'] = async (...state) => (refuses ? undefined : store.write(...state))
  const held = await new Lock({ lease: 1, read: (key) => store.read(key), write }).acquire(ALICE)
  refuses = true
  await once(held.lost, 'abort')
  expect(String(held.lost.reason)).toContain('could not be reached')
  await held.release()
})

it('rejects when nothing was written', async () => {
  const failure = new Error('connection refused')
  await expect(behind(() => Promise.reject(failure)).acquire(ALICE)).rejects.toBe(failure)
})

it('is refused by a holder who was faster than a write that failed', async () => {
  const lock = behind(async () => {
    await new Lock(store).acquire(BOB)
    throw new Error('connection reset')
  })
  await expect(lock.acquire(ALICE)).rejects.toMatchObject({ code: 'E_LOCK_HELD', holder: BOB })
})

it('traces what it reads and writes with NODE_DEBUG=shipit-lock', async () => {
  const code = `
    import { FileLockStore, Lock } from 'shipit-deploy-locker'
    const held = await new Lock(new FileLockStore({ dir: process.env.LOCKS })).acquire(${JSON.stringify(ALICE)})
    await held.confirm()
    await held.release()`
  const { stderr } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', code], {
    env: { ...process.env, LOCKS: dir, NODE_DEBUG: 'shipit-lock' },
    cwd: import.meta.dirname,
  })
  expect(
    stderr
      .replaceAll(/SHIPIT-LOCK \d+: |, \d+ ms/g, '')
      .trim()
      .split('\n'),
  ).toEqual([
    'read shop: version none',
    'write shop, number 1, held: version 1',
    'touch shop: true',
    'write shop, number 1, free: version 2',
  ])
})
