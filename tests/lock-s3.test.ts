import type { IncomingMessage } from 'node:http'
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3'
import { StorageProxy } from '../testbed/storage-proxy.js'
import { startEmbeddedS3 } from '../testbed/embedded-s3.js'
import { S3Lock, type S3LockOptions } from 'shipit-net-storage-s3'
import { lockContract } from 'shipit-deploy-locker/testing'
import type { HeldLock } from 'shipit-deploy-locker'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest'
import { Bucket } from './support/bucket.js'
import { decideFates, type Fate } from './support/fate.js'
import { LockProcess } from './support/lock-process.js'

let bucket: Bucket
beforeAll(async () => {
  bucket = await Bucket.create()
})
afterAll(() => bucket.delete())

let tests = 0

function locks(options: Partial<S3LockOptions> = {}): S3Lock {
  return new S3Lock({ ...bucket.lockOptions(), prefix: `test-${tests}`, ...options })
}

lockContract({
  it,
  create: async () => {
    tests += 1
    return () => locks()
  },
  createBroken: async () => locks({ bucket: 'no-such-bucket' }),
})

const ALICE = { key: 'shop.production', user: 'alice', reason: 'her deploy' }
const BOB = { key: 'shop.production', user: 'bob', reason: 'his deploy' }

/** Seconds; the shortest that there is. */
const LEASE = 3

/** What another machine gets. */
async function other(): Promise<HeldLock | undefined> {
  return locks({ lease: LEASE })
    .acquire(BOB)
    .catch((error: { code: string }) => {
      if (error.code !== 'E_LOCK_HELD') throw error
      return undefined
    })
}

/** Tries until it gets the lock, as a waiting deploy does. */
async function waitForOther(): Promise<HeldLock> {
  for (;;) {
    const held = await other()
    if (held) return held
    await pause(100)
  }
}

describe('behind a network that fails', () => {
  let proxy: StorageProxy
  let alice: S3Lock
  let held: HeldLock
  beforeEach(async () => {
    tests += 1
    proxy = await StorageProxy.start(inject('s3').endpoint)
    // Long enough for a busy machine to renew it, some tries later.
    alice = locks({ endpoint: proxy.endpoint, lease: 2 * LEASE })
    held = await alice.acquire(ALICE)
  })
  afterEach(async () => {
    proxy.interfere = () => false
    await held.release()
    await proxy.stop()
  })

  const decide = (fate: (request: IncomingMessage) => Fate): string[] =>
    decideFates(proxy, inject('s3').endpoint, fate)
  /** The next write meets its fate. */
  const failWrite = (fate: Fate): string[] => {
    let writes = 0
    return decide(({ method }) => (method === 'PUT' && (writes += 1) === 1 ? fate : 'pass'))
  }

  it.each([500, 503, 'hang', 'lose'] as const)('renews again when a renewal met with %s', async (fate) => {
    const happened = failWrite(fate)
    await held.confirm()
    expect(happened).toContain(`PUT ${fate}`)
    expect(held.lost.aborted).toBe(false)
    expect(await other()).toBeUndefined()
  })

  it('is kept while every other request fails in one way or another', async () => {
    const fates: Fate[] = [500, 'pass', 'lose', 'pass', 503, 'pass']
    let asked = 0
    decide(() => fates[(asked += 1) % fates.length] ?? 'pass')
    for (const until = performance.now() + (2 * LEASE + 2) * 1000; performance.now() < until;) {
      expect(await other()).toBeUndefined()
      await pause(500)
    }
    expect(held.lost.aborted).toBe(false)
  })

  it.each([500, 503, 'hang'] as const)(
    'is given up before others can have it, if storage only answers with %s',
    async (fate) => {
      await held.release()
      held = await locks({ endpoint: proxy.endpoint, lease: LEASE }).acquire(ALICE)
      let lostAt = Infinity
      held.lost.addEventListener('abort', () => (lostAt = performance.now()))
      decide(() => fate)
      const refused = held.confirm().catch((error: unknown) => String(error))
      const bob = await waitForOther()
      expect(lostAt).toBeLessThan(performance.now())
      expect(await refused).toMatch(/storage could not be asked for \d seconds/)
      expect(bob.tookOverFrom).toMatchObject(ALICE)
      expect(bob.fence).toEqual({ domain: held.fence?.domain, number: 3 })
      await bob.release()
    },
  )

  it('is given back, taken and broken by writes whose answers are lost, each once', async () => {
    const happened = [failWrite('lose')]
    await held.release()
    expect(await other().then((bob) => bob?.release().then(() => bob.fence?.number))).toBe(2)
    happened.push(failWrite('lose'))
    held = await alice.acquire(ALICE)
    expect(held.fence?.number).toBe(3)
    expect(held.tookOverFrom).toBeUndefined()
    happened.push(failWrite('lose'))
    expect(await alice.break(ALICE.key, BOB)).toMatchObject(ALICE)
    expect(happened.flat().filter((each) => each === 'PUT lose')).toHaveLength(3)
    await expect(held.confirm()).rejects.toThrow('bob broke it')
  })

  it('does not take for granted that conditions are honoured, if that can not be found out', async () => {
    decide(({ method }) => (method === 'PUT' ? 'lose' : 'pass'))
    await expect(locks({ endpoint: proxy.endpoint }).acquire(BOB)).rejects.toMatchObject({
      code: 'E_S3_UNREACHABLE',
    })
  })

  it('refuses storage that does not know conditional writes, as Swift, which answers with 501', async () => {
    decide(({ headers }) => (headers['if-none-match'] || headers['if-match'] ? 501 : 'pass'))
    for (const refused of [
      locks({ endpoint: proxy.endpoint }).acquire(BOB),
      locks({ endpoint: proxy.endpoint }).check(),
    ]) {
      await expect(refused).rejects.toMatchObject({
        code: 'E_S3_CONDITIONS',
        showStack: false,
        message: expect.stringMatching(/^s3:.* knows no conditional writes, .* FileLock in a shared folder/),
      })
    }
  })
})

it('refuses storage that ignores conditions', async () => {
  const server = await startEmbeddedS3()
  const { endpoint, region, accessKeyId, secretAccessKey } = server
  const credentials = { accessKeyId, secretAccessKey }
  const client = new S3Client({ endpoint, region, credentials, forcePathStyle: true })
  try {
    await client.send(new CreateBucketCommand({ Bucket: 'deploys' }))
    await expect(new S3Lock({ bucket: 'deploys', client }).acquire(BOB)).rejects.toMatchObject({
      code: 'E_S3_CONDITIONS',
      message: expect.stringContaining('ignores If-None-Match'),
    })
  } finally {
    client.destroy()
    await server.stop()
  }
})

it('is taken over from a process that was killed when its lease has run out', async () => {
  tests += 1
  const s3 = { ...bucket.lockOptions(), prefix: `test-${tests}`, lease: LEASE }
  const dying = await LockProcess.start({ file: { dir: '/nowhere' }, s3 })
  await dying.do('acquire', { place: 's3', user: 'dying' })
  expect(await other()).toBeUndefined()
  await dying.kill()
  const next = await waitForOther()
  expect(next.tookOverFrom).toMatchObject({ user: 'dying' })
  await next.release()
})

/** Keeps a process from doing anything until the returned function lets it go on. */
const HINDRANCES: Record<string, (process: LockProcess) => () => Promise<unknown>> = {
  stopped: (process) => {
    process.signal('SIGSTOP')
    return async () => process.signal('SIGCONT')
  },
  busy: (process) => {
    const busy = process.do('block', (LEASE + 3) * 1000)
    return () => busy
  },
}

it.each(Object.keys(HINDRANCES))(
  'is kept by a process that was %s for longer than the lease, unless somebody took it over',
  async (hindrance) => {
    tests += 1
    const s3 = { ...bucket.lockOptions(), prefix: `test-${tests}`, lease: LEASE }
    const process = await LockProcess.start({ file: { dir: '/nowhere' }, s3 })
    const acquire = (): Promise<unknown> => process.do('acquire', { place: 's3', user: 'sleeper' })
    try {
      expect(await acquire()).toMatchObject({ tookOverFrom: null })
      const goOn = HINDRANCES[hindrance]?.(process)
      // By then, others may have it.
      await pause((LEASE + 2) * 1000)
      await goOn?.()
      expect(await process.do('confirm')).toBeNull()
      expect(await other()).toBeUndefined()

      const goOnAgain = HINDRANCES[hindrance]?.(process)
      await (await waitForOther()).release()
      await goOnAgain?.()
      expect(await process.do('confirm')).toContain('bob took it over')
      await process.do('release')
      expect(await acquire()).toMatchObject({ fence: { number: 3 }, tookOverFrom: null })
    } finally {
      await process.kill()
    }
  },
)

it('is refused, and can be broken, while its object holds something else', async () => {
  tests += 1
  await bucket.write(`test-${tests}/locks/shop.production.json`, '{ "user": "ali')
  expect(await other()).toBeUndefined()
  expect(await locks().inspect(ALICE.key)).toMatchObject({ user: 'somebody unknown' })
  expect(await locks().break(ALICE.key, BOB)).toMatchObject({ user: 'somebody unknown' })
  const held = await locks().acquire(ALICE)
  await held.release()
})

it('is lost when its object is deleted, and counts in a domain of its own from then on', async () => {
  tests += 1
  const held = await locks().acquire(ALICE)
  await bucket.remove(`test-${tests}/locks/shop.production.json`)
  await expect(held.confirm()).rejects.toThrow('its object is gone')
  const next = await locks().acquire(BOB)
  expect(next.fence?.domain).not.toBe(held.fence?.domain)
  await next.release()
  await held.release()
  expect(await bucket.keys()).not.toContainEqual(expect.stringContaining('check'))
})

it('says what is wrong with its options before it is used, and refuses to be', async () => {
  const wrong = new S3Lock({ bucket: '', lease: 1, leas: 2 } as never)
  expect(wrong.mistakes).toEqual([
    'bucket: expected the name of a bucket',
    'lease: expected seconds, from 3 to 86400',
    expect.stringMatching(/^there is no option 'leas'; known are bucket, /),
  ])
  await expect(wrong.acquire(ALICE)).rejects.toMatchObject({ code: 'E_S3_OPTIONS' })
})
