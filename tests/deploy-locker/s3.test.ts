import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3'
import type { IncomingMessage } from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'
import { Lock, type HeldLock } from 'shipit-deploy-locker'
import { lockContract } from 'shipit-deploy-locker/testing'
import { S3LockStore, type S3LockStoreOptions } from 'shipit-net-storage-s3'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { startEmbeddedS3 } from '../../testbed/embedded-s3.js'
import { StorageProxy } from '../../testbed/storage-proxy.js'
import { Bucket } from '../support/bucket.js'
import { decideFates, type Fate } from '../support/fate.js'
import { LockProcess } from '../support/lock-process.js'

const ALICE = { key: 'shop.production', user: 'alice', reason: 'her deploy' }
const BOB = { key: 'shop.production', user: 'bob', reason: 'his deploy' }

/** Seconds: the shortest possible, and one that a busy machine can renew with some retries. */
const SHORT = 3
const LONG = 6

let bucket: Bucket
beforeAll(async () => {
  bucket = await Bucket.create()
})
afterAll(() => bucket.delete())

let folders = 0

/** Locks for one test. */
class Folder {
  readonly prefix = `test-${(folders += 1)}`

  /** A lock, as if on a separate machine. */
  locks(options: Partial<S3LockStoreOptions> = {}): Lock {
    return new Lock(this.store(options))
  }

  store(options: Partial<S3LockStoreOptions> = {}): S3LockStore {
    return new S3LockStore({ ...bucket.lockOptions(), prefix: this.prefix, ...options })
  }

  /** The lock, if another machine gets it. */
  async other(): Promise<HeldLock | undefined> {
    return this.locks()
      .acquire(BOB)
      .catch((error: { code: string }) => {
        if (error.code !== 'E_LOCK_HELD') throw error
        return undefined
      })
  }

  /** Tries until another machine gets the lock, like a waiting deploy. */
  async waitForOther(): Promise<HeldLock> {
    for (;;) {
      const held = await this.other()
      if (held) return held
      await pause(100)
    }
  }

  async process(): Promise<LockProcess> {
    const s3 = { ...bucket.lockOptions(), prefix: this.prefix, lease: SHORT }
    return LockProcess.start({ file: { dir: '/nowhere' }, s3 })
  }
}

lockContract({
  it,
  create: async () => {
    const folder = new Folder()
    return () => folder.store()
  },
  createBroken: async () => new Folder().store({ bucket: 'no-such-bucket' }),
})

/** Runs a test with alice's lock on an unreliable network. */
async function throughProxy(
  lease: number,
  run: (scene: {
    readonly folder: Folder
    readonly alice: Lock
    readonly held: HeldLock
    /** Decides on all requests from now on. */
    readonly decide: (fate: (request: IncomingMessage) => Fate) => string[]
    /** Decides on the next write. */
    readonly failWrite: (fate: Fate) => string[]
    readonly endpoint: string
  }) => Promise<void>,
): Promise<void> {
  const { endpoint: target } = inject('s3')
  const proxy = await StorageProxy.start(target)
  const { endpoint } = proxy
  const folder = new Folder()
  const alice = folder.locks({ endpoint, lease })
  const held = await alice.acquire(ALICE)
  const decide = (fate: (request: IncomingMessage) => Fate): string[] => decideFates(proxy, target, fate)
  const failWrite = (fate: Fate): string[] => {
    let writes = 0
    return decide(({ method }) => (method === 'PUT' && (writes += 1) === 1 ? fate : 'pass'))
  }
  try {
    await run({ folder, alice, held, decide, failWrite, endpoint })
  } finally {
    proxy.interfere = () => false
    await held.release()
    await proxy.stop()
  }
}

describe.concurrent('on an unreliable network', () => {
  it.each([500, 503, 'hang', 'lose'] as const)('retries a renewal that met with %s', (fate) =>
    throughProxy(LONG, async ({ folder, held, failWrite }) => {
      const happened = failWrite(fate)
      await held.confirm()
      expect(happened).toContain(`PUT ${fate}`)
      expect(held.lost.aborted).toBe(false)
      expect(await folder.other()).toBeUndefined()
    }),
  )

  it('is kept while every other request fails in some way', () =>
    throughProxy(LONG, async ({ folder, held, decide }) => {
      const fates: Fate[] = [500, 'pass', 'lose', 'pass', 503, 'pass']
      let asked = 0
      decide(() => fates[(asked += 1) % fates.length] ?? 'pass')
      for (const until = performance.now() + (LONG + 2) * 1000; performance.now() < until;) {
        expect(await folder.other()).toBeUndefined()
        await pause(500)
      }
      expect(held.lost.aborted).toBe(false)
    }))

  it.each([500, 503, 'hang'] as const)(
    'is lost before others can get it if storage only answers with %s',
    (fate) =>
      throughProxy(SHORT, async ({ folder, held, decide }) => {
        let lostAt = Infinity
        held.lost.addEventListener('abort', () => (lostAt = performance.now()))
        decide(() => fate)
        const refused = held.confirm().catch((error: unknown) => String(error))
        const bob = await folder.waitForOther()
        expect(lostAt).toBeLessThan(performance.now())
        expect(await refused).toMatch(/its store could not be reached for \d seconds/)
        expect(bob.tookOverFrom).toMatchObject(ALICE)
        expect(bob.fencingToken).toEqual({ scope: held.fencingToken.scope, number: 2 })
        await bob.release()
      }),
  )

  it('is released, taken and broken exactly once by writes whose responses are lost', () =>
    throughProxy(LONG, async ({ folder, alice, held, failWrite }) => {
      const happened = [failWrite('lose')]
      await held.release()
      const bob = await folder.other()
      expect(bob?.fencingToken.number).toBe(2)
      await bob?.release()
      happened.push(failWrite('lose'))
      const again = await alice.acquire(ALICE)
      expect(again.fencingToken.number).toBe(3)
      expect(again.tookOverFrom).toBeUndefined()
      happened.push(failWrite('lose'))
      expect(await alice.break(ALICE.key, BOB)).toMatchObject(ALICE)
      expect(happened.flat().filter((each) => each === 'PUT lose')).toHaveLength(3)
      await expect(again.confirm()).rejects.toThrow('bob broke it')
    }))

  it('does not assume that conditions are honoured if that cannot be tested', () =>
    throughProxy(LONG, async ({ folder, decide, endpoint }) => {
      decide(({ method }) => (method === 'PUT' ? 'lose' : 'pass'))
      await expect(folder.locks({ endpoint }).acquire({ ...BOB, key: 'other' })).rejects.toMatchObject({
        code: 'E_S3_UNREACHABLE',
      })
    }))
})

it.each([3.5, 10, 59])('accepts a lease of %d seconds', async (lease) => {
  const folder = new Folder()
  const held = await folder.locks({ lease }).acquire(ALICE)
  expect(await folder.other()).toBeUndefined()
  await held.release()
})

it('rejects storage that ignores conditions', async () => {
  const server = await startEmbeddedS3()
  const { endpoint, region, accessKeyId, secretAccessKey } = server
  const credentials = { accessKeyId, secretAccessKey }
  const client = new S3Client({ endpoint, region, credentials, forcePathStyle: true })
  try {
    await client.send(new CreateBucketCommand({ Bucket: 'deploys' }))
    await expect(new Lock(new S3LockStore({ bucket: 'deploys', client })).acquire(BOB)).rejects.toMatchObject(
      {
        code: 'E_S3_CONDITIONS',
        showStack: false,
        message: expect.stringMatching(
          /^s3:\/\/deploys ignores If-None-Match, .* FileLockStore in a shared folder/,
        ),
      },
    )
  } finally {
    client.destroy()
    await server.stop()
  }
})

/** Keep a process from doing anything until the returned function is called. */
const HINDRANCES: Record<string, (process: LockProcess) => () => Promise<unknown>> = {
  stopped: (process) => {
    process.signal('SIGSTOP')
    return async () => process.signal('SIGCONT')
  },
  busy: (process) => {
    const busy = process.do('block', (SHORT + 5) * 1000)
    return () => busy
  },
}

describe.concurrent('a process that holds it', () => {
  it('leaves it to others after being killed, once its lease has expired', async () => {
    const folder = new Folder()
    const dying = await folder.process()
    await dying.do('acquire', { place: 's3', user: 'dying' })
    expect(await folder.other()).toBeUndefined()
    await dying.kill()
    const next = await folder.waitForOther()
    expect(next.tookOverFrom).toMatchObject({ user: 'dying' })
    await next.release()
  })

  it.each(Object.keys(HINDRANCES))(
    'keeps it after being %s past the lease, unless somebody took it over',
    async (hindrance) => {
      const folder = new Folder()
      const process = await folder.process()
      const acquire = (): Promise<unknown> => process.do('acquire', { place: 's3', user: 'sleeper' })
      try {
        expect(await acquire()).toMatchObject({ tookOverFrom: null })
        const goOn = HINDRANCES[hindrance]?.(process)
        // By now, others may take it.
        await pause((SHORT + 2) * 1000)
        await goOn?.()
        expect(await process.do('confirm')).toBeNull()
        expect(await folder.other()).toBeUndefined()

        const goOnAgain = HINDRANCES[hindrance]?.(process)
        await (await folder.waitForOther()).release()
        await goOnAgain?.()
        expect(await process.do('confirm')).toContain('bob took it over')
        await process.do('release')
        expect(await acquire()).toMatchObject({ token: { number: 3 }, tookOverFrom: null })
      } finally {
        await process.kill()
      }
    },
  )
})

it('is refused, and can be broken, while its object contains something else', async () => {
  const folder = new Folder()
  await bucket.write(`${folder.prefix}/locks/shop.production.json`, '{ "user": "ali')
  expect(await folder.other()).toBeUndefined()
  const unknown = { user: 'somebody unknown' }
  expect(await folder.locks().inspect(ALICE.key)).toMatchObject(unknown)
  expect(await folder.locks().break(ALICE.key, BOB)).toMatchObject(unknown)
  const held = await folder.locks().acquire(ALICE)
  await held.release()
})

it('is lost when its object is deleted, and counts in a new scope from then on', async () => {
  const folder = new Folder()
  const held = await folder.locks().acquire(ALICE)
  await bucket.remove(`${folder.prefix}/locks/shop.production.json`)
  await expect(held.confirm()).rejects.toThrow('its record is gone')
  const next = await folder.locks().acquire(BOB)
  expect(next.fencingToken.scope).not.toBe(held.fencingToken.scope)
  await next.release()
  await held.release()
  expect(await bucket.keys()).not.toContainEqual(expect.stringContaining('check'))
})

it('reports invalid options before use, and rejects any use', async () => {
  const wrong = new S3LockStore({ bucket: '', lease: 1, leas: 2 } as never)
  expect(wrong.mistakes).toEqual([
    'bucket: expected the name of a bucket',
    'lease: expected seconds, from 3 to 86400',
    expect.stringMatching(/^unknown option 'leas'; known options: bucket, /),
  ])
  await expect(new Lock(wrong).acquire(ALICE)).rejects.toMatchObject({ code: 'E_S3_OPTIONS' })
})
