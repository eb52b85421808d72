import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { HeldLock, LockHolder, LockProvider, LockRequest } from '../lock-provider.js'

/** Options of {@link lockContract}. */
export interface LockContractOptions {
  /** The test runner's `it` or `test`: vitest's, jest's, mocha's, `node:test`'s. */
  readonly it: (name: string, run: () => Promise<void>) => unknown
  /**
   * A store for one test, that is really there and holds nothing of another test. The function that is returned makes
   * providers on it: what each does is done by a machine of its own.
   */
  readonly create: () => Promise<() => LockProvider>
  /** A provider whose store isn't there, or refuses. */
  readonly createBroken: () => Promise<LockProvider>
}

const ALICE: LockRequest = { key: 'shop.production', user: 'alice', reason: 'shipit production deploy' }
const BOB: LockRequest = { ...ALICE, user: 'bob', reason: 'his deploy' }

/**
 * What every lock provider has to prove, as tests of the caller's runner. A provider's test is one call:
 *
 * ```ts
 * lockContract({ it, create: async () => () => new MyLock(…), createBroken: async () => new MyLock(…) })
 * ```
 */
export function lockContract({ it, create, createBroken }: LockContractOptions): void {
  const test = (name: string, run: (provider: () => LockProvider) => Promise<void>): unknown =>
    it(name, async () => run(await create()))

  test('finds the store in order', async (provider) => {
    await provider().check?.()
    assert.equal(await provider().inspect(ALICE.key), undefined)
  })

  test('takes a lock, tells of it, and gives it back', async (provider) => {
    const before = Date.now()
    const held = await provider().acquire(ALICE)
    assert.equal(held.tookOverFrom, undefined)
    const holder = await provider().inspect(ALICE.key)
    isHeldBy(holder, ALICE)
    assert.equal(holder?.pid, process.pid)
    assert.ok(Math.abs(Date.parse(holder?.since ?? '') - before) < 60_000, holder?.since)
    await held.confirm()
    await held.release()
    await held.release()
    assert.equal(await provider().inspect(ALICE.key), undefined)
    assert.equal(held.lost.aborted, false)
    await assert.rejects(held.confirm())
  })

  test('refuses while somebody has it, and says who', async (provider) => {
    const held = await provider().acquire(ALICE)
    const holder = await refusal(provider().acquire(BOB))
    isHeldBy(holder, ALICE)
    await held.confirm()
    await held.release()
    await (await provider().acquire(BOB)).release()
  })

  test('gives a free lock to exactly one of many', async (provider) => {
    for (let round = 0; round < 3; round += 1) {
      const one = await onlyOne(
        Array.from({ length: 10 }, (_, n) => provider().acquire({ ...ALICE, user: `user${n}` })),
      )
      await one.confirm()
      await one.release()
    }
  })

  test('gives the lock of a dead process to exactly one of many, at once', async (provider) => {
    await provider().acquire({ ...ALICE, process: { host: 'build1', pid: 4711, bootId: 'one' } })
    const seen: LockHolder[] = []
    const isAlive = async (holder: LockHolder): Promise<boolean> => {
      seen.push(holder)
      return holder.user !== 'alice'
    }
    const one = await onlyOne(Array.from({ length: 10 }, () => provider().acquire({ ...BOB, isAlive })))
    isHeldBy(one.tookOverFrom, ALICE)
    assert.deepEqual(seen[0]?.process, { host: 'build1', pid: 4711, bootId: 'one' })
    await one.release()
  })

  test('leaves the lock of a process that lives, or that nothing is known of', async (provider) => {
    const held = await provider().acquire(ALICE)
    for (const alive of [true, undefined])
      await refusal(provider().acquire({ ...BOB, isAlive: async () => alive }))
    await held.release()
  })

  test('breaks a lock, says whose it was, and lets its holder know', async (provider) => {
    assert.equal(await provider().break(ALICE.key, BOB), undefined)
    const held = await provider().acquire(ALICE)
    const lost = once(held.lost, 'abort')
    isHeldBy(await provider().break(ALICE.key, { user: 'bob', reason: 'it hangs' }), ALICE)
    assert.equal(await provider().inspect(ALICE.key), undefined)
    await assert.rejects(held.confirm(), /bob.*it hangs/)
    await lost
    assert.match(String(held.lost.reason), /bob.*it hangs/)
    await held.release()
  })

  test("never takes back what is somebody else's by now", async (provider) => {
    const alice = await provider().acquire(ALICE)
    await provider().break(ALICE.key, BOB)
    const bob = await provider().acquire(BOB)
    await alice.release()
    isHeldBy(await provider().inspect(ALICE.key), BOB)
    await bob.confirm()
    await assert.rejects(alice.confirm())
    await bob.release()
  })

  test('numbers its holders in the order in which they had it, if at all', async (provider) => {
    const fences = []
    for (const user of ['one', 'two', 'broken', 'four']) {
      const held = await provider().acquire({ ...ALICE, user })
      fences.push(held.fence)
      if (user === 'broken') await provider().break(ALICE.key, BOB)
      else await held.release()
    }
    const other = await provider().acquire({ ...ALICE, key: 'another' })
    await other.release()
    if (fences.every((fence) => fence === undefined)) return
    const [first] = fences
    assert.match(first?.scope ?? '', /^\S+$/)
    for (const [index, fence] of fences.entries()) {
      assert.ok(fence && Number.isSafeInteger(fence.number) && fence.number > 0)
      assert.equal(fence.scope, first?.scope)
      const before = fences[index - 1]
      assert.ok(!before || fence.number > before.number, 'numbers rise')
    }
    assert.notEqual(other.fence?.scope, first?.scope)
  })

  test('keeps a lasting lock, whose process is gone, until it is broken', async (provider) => {
    await provider().acquire({ ...ALICE, lasting: true })
    const holder = await refusal(provider().acquire({ ...BOB, isAlive: async () => false }))
    assert.equal(holder.lasting, true)
    isHeldBy(await provider().break(ALICE.key, BOB), ALICE)
    await (await provider().acquire(BOB)).release()
  })

  test('ends a lasting lock when its time has come, and not before', async (provider) => {
    await provider().acquire({
      ...ALICE,
      lasting: true,
      until: new Date(Date.now() + 3_600_000).toISOString(),
    })
    assert.ok((await refusal(provider().acquire(BOB))).until)
    await provider().break(ALICE.key, BOB)
    await provider().acquire({ ...ALICE, lasting: true, until: new Date(Date.now() - 60_000).toISOString() })
    assert.equal(await provider().inspect(ALICE.key), undefined)
    await (await provider().acquire(BOB)).release()
  })

  test('keeps locks of any name apart', async (provider) => {
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
    const held = await Promise.all(keys.map((key) => provider().acquire({ ...ALICE, key })))
    for (const key of keys) assert.equal((await provider().inspect(key))?.key, key)
    await Promise.all(held.map((each) => each.release()))
    for (const key of keys) assert.equal(await provider().inspect(key), undefined)
  })

  it('says of a store that is not there what to do, without a stack', async () => {
    const provider = await createBroken()
    await assert.rejects(
      provider.acquire(ALICE),
      (error: Error & { code?: unknown; showStack?: unknown }) => {
        assert.match(String(error.code), /^E_/)
        assert.notEqual(error.code, 'E_LOCK_HELD')
        assert.equal(error.showStack, false)
        assert.ok(error.message.length > 20, error.message)
        return true
      },
    )
  })
}

function isHeldBy(holder: LockHolder | undefined, { key, user, reason }: LockRequest): void {
  assert.deepEqual(holder && [holder.key, holder.user, holder.reason], [key, user, reason])
}

/** The holder that a refusal names. */
async function refusal(acquiring: Promise<HeldLock>): Promise<LockHolder> {
  const error: unknown = await acquiring.then(
    () => assert.fail('the lock was given twice'),
    (reason: unknown) => reason,
  )
  const { code, holder } = error as { code?: unknown; holder?: LockHolder }
  if (code !== 'E_LOCK_HELD' || !holder) throw error
  return holder
}

/** The one that got the lock; all others were refused. */
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
