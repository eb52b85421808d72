import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { FileLock } from './file-lock.js'
import { RunLock } from './run-lock.js'

let dir: string
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'run-lock-'))
})
afterEach(() => rm(dir, { recursive: true, force: true }))

it('gives back what it got at the moment that it was interrupted', async () => {
  const log: string[] = []
  const lock = new RunLock({ environment: () => 'test', log: (line) => log.push(line), emit: () => {} })
  const locks = new FileLock({ dir })
  const interrupt = new AbortController()
  const reason = new Error('interrupted')
  const acquire: FileLock['acquire'] = async (request) => {
    const held = await locks.acquire(request)
    interrupt.abort(reason)
    return held
  }
  const provider = {
    acquire,
    inspect: (key: string) => locks.inspect(key),
    break: (...how: Parameters<FileLock['break']>) => locks.break(...how),
  }
  const request = { key: 'shop', user: 'alice', reason: 'hers' }
  await expect(lock.take(provider, request, { wait: 0, signal: interrupt.signal })).rejects.toBe(reason)
  expect(lock.isHeld).toBe(false)
  expect(await locks.inspect('shop')).toBeUndefined()
  expect(log).toEqual([])
})
