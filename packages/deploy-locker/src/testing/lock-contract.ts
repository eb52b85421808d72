import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { HeldLock } from '../held-lock.js'
import { Lock, type LockRequest } from '../lock.js'
import type { LockHolder } from '../lock-record.js'
import type { LockStore } from '../lock-store.js'

/** Options of {@link lockContract}. */
export interface LockContractOptions {
  /** The test runner's `it` or `test`: of vitest, jest, mocha or `node:test`. */
  readonly it: (name: string, run: () => Promise<void>) => unknown
  /**
   * Creates a real, empty place for one test. The returned function creates stores on it, each as if on a different machine.
   */
  readonly create: () => Promise<() => LockStore>
  /** A store that can't be reached, or refuses. */
  readonly createBroken: () => Promise<LockStore>
}

const ALICE: LockRequest = { key: 'shop.production', user: 'alice', reason: 'shipit production deploy' }
const BOB: LockRequest = { ...ALICE, user: 'bob', reason: 'his deploy' }

/**
 * What every lock store must prove, as tests of the caller's runner. A store's test is one call:
 *
 * ```ts
 * lockContract({ it, create: async () => () => new MyStore(…), createBroken: async () => new MyStore(…) })
 * ```
 */
export function lockContract({ it, create, createBroken }: LockContractOptions): void {
  const testStore = (name: string, run: (store: () => LockStore) => Promise<void>): unknown =>
    it(name, async () => run(await create()))
  const test = (name: string, run: (lock: () => Lock) => Promise<void>): unknown =>
    testStore(name, (store) => run(() => new Lock(store())))

  testStore('returns what was written byte for byte, with its age and the time', async (store) => {
    const text = JSON.stringify({ text: "ünï ☃ '$(id)` \\\\ \\n" })
    assert.equal(await store().read('shop'), undefined)
    const version = await store().write('shop', text, undefined)
    const found = await store().read('shop')
    assert.equal(found?.version, version)
    assert.equal(found?.text, text)
    assert.ok(found && found.age >= 0 && found.age < 30_000, String(found?.age))
    assert.ok(Math.abs(found.now - Date.now()) < 60_000, String(found.now))
  })

  testStore('gives the next version to exactly one of many', async (store) => {
    let version: string | undefined
    for (let round = 0; round < 3; round += 1) {
      const texts = Array.from({ length: 10 }, (_, n) => JSON.stringify({ round, n }))
      const versions: (string | undefined)[] = []
      // A writer that missed its turn may try again, so a round can end without a winner.
      while (!versions.some(Boolean)) {
        versions.push(...(await Promise.all(texts.map((text) => store().write('shop', text, version)))))
      }
      const won = versions.filter((each) => each !== undefined)
      assert.equal(won.length, 1)
      assert.equal((await store().read('shop'))?.version, won[0])
      version = won[0]
    }
  })

  testStore('writes and touches the current state, and no earlier one', async (store) => {
    const first = (await store().write('shop', '{"state":1}', undefined)) ?? ''
    assert.notEqual(await store().touch?.('shop', first), false)
    const next = await store().write('shop', '{"state":2}', first)
    assert.ok(next)
    assert.equal((await store().touch?.('shop', first)) ?? false, false)
    assert.equal(await store().write('shop', '{"state":3}', first), undefined)
    assert.equal((await store().read('shop'))?.text, '{"state":2}')
  })

  test('passes its own check', async (lock) => {
    await lock().store.check?.()
    assert.equal(await lock().inspect(ALICE.key), undefined)
  })

  test('takes a lock, reports it, and releases it', async (lock) => {
    const before = Date.now()
    const held = await lock().acquire(ALICE)
    assert.equal(held.tookOverFrom, undefined)
    const holder = await lock().inspect(ALICE.key)
    isHeldBy(holder, ALICE)
    assert.equal(holder?.pid, process.pid)
    assert.ok(Math.abs(Date.parse(holder?.since ?? '') - before) < 60_000, holder?.since)
    await held.confirm()
    await held.release()
    await held.release()
    assert.equal(await lock().inspect(ALICE.key), undefined)
    assert.equal(held.lost.aborted, false)
    await assert.rejects(held.confirm())
  })

  test('refuses while somebody has the lock, and says who', async (lock) => {
    const held = await lock().acquire(ALICE)
    const holder = await refusal(lock().acquire(BOB))
    isHeldBy(holder, ALICE)
    await held.confirm()
    await held.release()
    await (await lock().acquire(BOB)).release()
  })

  test('gives a free lock to exactly one of many', async (lock) => {
    for (let round = 0; round < 3; round += 1) {
      const one = await onlyOne(
        Array.from({ length: 10 }, (_, n) => lock().acquire({ ...ALICE, user: `user${n}` })),
      )
      await one.confirm()
      await one.release()
    }
  })

  test('gives the lock of a dead process to exactly one of many, immediately', async (lock) => {
    await lock().acquire({ ...ALICE, process: { host: 'build1', pid: 4711, bootId: 'one' } })
    const seen: LockHolder[] = []
    const isAlive = async (holder: LockHolder): Promise<boolean> => {
      seen.push(holder)
      return holder.user !== 'alice'
    }
    const one = await onlyOne(Array.from({ length: 10 }, () => lock().acquire({ ...BOB, isAlive })))
    isHeldBy(one.tookOverFrom, ALICE)
    assert.deepEqual(seen[0]?.process, { host: 'build1', pid: 4711, bootId: 'one' })
    await one.release()
  })

  test('keeps the lock of a process that is alive or unknown', async (lock) => {
    const held = await lock().acquire(ALICE)
    for (const alive of [true, undefined])
      await refusal(lock().acquire({ ...BOB, isAlive: async () => alive }))
    await held.release()
  })

  test('breaks a lock, says whose it was, and notifies its holder', async (lock) => {
    assert.equal(await lock().break(ALICE.key, BOB), undefined)
    const held = await lock().acquire(ALICE)
    const lost = once(held.lost, 'abort')
    isHeldBy(await lock().break(ALICE.key, { user: 'bob', reason: 'it hangs' }), ALICE)
    assert.equal(await lock().inspect(ALICE.key), undefined)
    await assert.rejects(held.confirm(), /bob.*it hangs/)
    await lost
    assert.match(String(held.lost.reason), /bob.*it hangs/)
    await held.release()
  })

  test("never releases somebody else's lock", async (lock) => {
    const alice = await lock().acquire(ALICE)
    await lock().break(ALICE.key, BOB)
    const bob = await lock().acquire(BOB)
    await alice.release()
    isHeldBy(await lock().inspect(ALICE.key), BOB)
    await bob.confirm()
    await assert.rejects(alice.confirm())
    await bob.release()
  })

  test('numbers its holders in the order in which they had it', async (lock) => {
    const fences = []
    for (const user of ['one', 'two', 'broken', 'four']) {
      const held = await lock().acquire({ ...ALICE, user })
      fences.push(held.fencingToken)
      if (user === 'broken') await lock().break(ALICE.key, BOB)
      else await held.release()
    }
    const other = await lock().acquire({ ...ALICE, key: 'another' })
    await other.release()
    const [first] = fences
    assert.match(first?.scope ?? '', /^\S+$/)
    for (const [index, fence] of fences.entries()) {
      assert.ok(fence && Number.isSafeInteger(fence.number) && fence.number > 0)
      assert.equal(fence.scope, first?.scope)
      const before = fences[index - 1]
      assert.ok(!before || fence.number > before.number, 'numbers rise')
    }
    assert.notEqual(other.fencingToken?.scope, first?.scope)
  })

  test('keeps a lasting lock after its process has ended, until it is broken', async (lock) => {
    await lock().acquire({ ...ALICE, lasting: true })
    const holder = await refusal(lock().acquire({ ...BOB, isAlive: async () => false }))
    assert.equal(holder.lasting, true)
    isHeldBy(await lock().break(ALICE.key, BOB), ALICE)
    await (await lock().acquire(BOB)).release()
  })

  test('ends a lasting lock at its time, not before', async (lock) => {
    await lock().acquire({
      ...ALICE,
      lasting: true,
      until: new Date(Date.now() + 3_600_000).toISOString(),
    })
    assert.ok((await refusal(lock().acquire(BOB))).until)
    await lock().break(ALICE.key, BOB)
    await lock().acquire({ ...ALICE, lasting: true, until: new Date(Date.now() - 60_000).toISOString() })
    assert.equal(await lock().inspect(ALICE.key), undefined)
    await (await lock().acquire(BOB)).release()
  })

  test('keeps locks with unusual names apart', async (lock) => {
    const keys = [
      'a/b',
      'a%2Fb',
      '..',
      '.hidden',
      '../up',
      'ünï ☃',
      '*',
      "-'$(id)",
      'shop',
      'shop.1',
      'shop:freeze',
    ]
    const held = await Promise.all(keys.map((key) => lock().acquire({ ...ALICE, key })))
    for (const key of keys) assert.equal((await lock().inspect(key))?.key, key)
    await Promise.all(held.map((each) => each.release()))
    for (const key of keys) assert.equal(await lock().inspect(key), undefined)
  })

  it('says what to do when the store is unreachable, without a stack', async () => {
    const lock = new Lock(await createBroken())
    await assert.rejects(lock.acquire(ALICE), (error: Error & { code?: unknown; showStack?: unknown }) => {
      assert.match(String(error.code), /^E_/)
      assert.notEqual(error.code, 'E_LOCK_HELD')
      assert.equal(error.showStack, false)
      assert.ok(error.message.length > 20, error.message)
      return true
    })
  })
}

function isHeldBy(holder: LockHolder | undefined, { key, user, reason }: LockRequest): void {
  assert.deepEqual(holder && [holder.key, holder.user, holder.reason], [key, user, reason])
}

/** The holder that a refusal names. */
async function refusal(acquiring: Promise<HeldLock>): Promise<LockHolder> {
  const error: unknown = await acquiring.then(
    () => assert.fail('two processes have the lock'),
    (reason: unknown) => reason,
  )
  const { code, holder } = error as { code?: unknown; holder?: LockHolder }
  if (code !== 'E_LOCK_HELD' || !holder) throw error
  return holder
}

/** The one lock that was acquired; all other attempts were refused. */
async function onlyOne(acquiring: readonly Promise<HeldLock>[]): Promise<HeldLock> {
  const outcomes = await Promise.allSettled(acquiring)
  const held = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? outcome.value : []))
  for (const outcome of outcomes) {
    if (outcome.status === 'rejected') await refusal(Promise.reject(outcome.reason as Error))
  }
  assert.equal(held.length, 1)
  const [one] = held
  assert.ok(one)
  return one
}
