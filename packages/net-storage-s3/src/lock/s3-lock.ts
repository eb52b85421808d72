import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { TransportError } from 'shipit-net-storage'
import type { HeldLock, LockBreaker, LockHolder, LockProvider, LockRequest } from 'shipit-deploy-locker'
import { Bucket } from '../bucket.js'
import { provesConditions } from './conditions.js'
import { HeldS3Lock } from './held-s3-lock.js'
import { holderOf, type Lease } from './lease.js'
import { LockObject, type Condition, type Found } from './lock-object.js'
import { lockMistakes, type S3LockOptions } from './settings.js'
import { Stopwatch } from './stopwatch.js'

/**
 * A deploy lock in a bucket, for `deployLock.provider`: one deploy at a time among all machines that use it. It is a lease
 * in one object, which is only ever written on a condition; whoever wants it judges it by the storage's clock.
 *
 * All methods reject with a `TransportError`: those of `S3Transport`, and `E_S3_CONDITIONS` if storage does not honour
 * conditions.
 */
export class S3Lock implements LockProvider {
  /** What is wrong with the options, a sentence each. */
  readonly mistakes: readonly string[]
  readonly description: string
  private readonly bucket: Bucket
  private readonly lease: number
  private isProved = false

  constructor(options: S3LockOptions) {
    this.mistakes = lockMistakes(options)
    // What became of a write that failed is to be found out before it is tried again.
    const clientConfig = { maxAttempts: 1, ...options.clientConfig }
    this.bucket = new Bucket(options.client ? options : { ...options, clientConfig }, this.mistakes)
    this.description = this.bucket.description
    this.lease = options.lease ?? 60
  }

  async acquire(request: LockRequest): Promise<HeldLock> {
    // Without conditions, the lock would be given to everybody: that is found out first, once.
    if (!this.isProved) await this.check()
    const object = this.object(request.key)
    for (;;) {
      const found = await object.read()
      const { held, holder } = await judge(found, request)
      if (held) throw new HeldError(holder)
      const since = new Stopwatch()
      const lease = this.leaseFor(request, found?.lease)
      const etag = await object.write(lease, conditionOf(found))
      if (etag !== undefined) return new HeldS3Lock({ object, lease, etag, since, tookOverFrom: holder })
    }
  }

  async inspect(key: string): Promise<LockHolder | undefined> {
    const { held, holder } = await judge(await this.object(key).read(), { key })
    return held ? holder : undefined
  }

  async break(key: string, brokenBy: LockBreaker): Promise<LockHolder | undefined> {
    const object = this.object(key)
    for (;;) {
      const found = await object.read()
      const { held, holder } = await judge(found, { key })
      if (!held) return undefined
      const lease =
        found?.lease ?? this.leaseFor({ key, user: holder.user, reason: holder.reason }, undefined)
      const broken = { ...lease, held: false, brokenBy, nonce: randomUUID() }
      if (await object.write(broken, conditionOf(found))) return holder
    }
  }

  /** Proves that storage honours conditions, with an object that it removes again. */
  async check(): Promise<void> {
    await provesConditions(this.object(`check ${randomUUID()}`))
    this.isProved = true
  }

  private leaseFor(request: LockRequest, before: Lease | undefined): Lease {
    const { key, user, reason, process: identity, lasting, until } = request
    return {
      key,
      user,
      reason,
      since: new Date().toISOString(),
      host: hostname(),
      pid: process.pid,
      process: identity,
      lasting,
      until,
      domain: before?.domain ?? randomUUID(),
      number: (before?.number ?? 0) + 1,
      token: randomUUID(),
      nonce: randomUUID(),
      lease: this.lease,
      held: true,
    }
  }

  private object(key: string): LockObject {
    // A request that hangs leaves time for others before the lease has run out.
    const patience = Math.min(10_000, Math.max(1000, (this.lease * 1000) / 6))
    return new LockObject(this.bucket, `locks/${safe(key)}.json`, patience)
  }
}

/** `E_LOCK_HELD`, as the contract of providers wants it. */
class HeldError extends TransportError {
  constructor(readonly holder: LockHolder) {
    super(`${holder.key} is locked by ${holder.user} (${holder.reason}).`, { code: 'E_LOCK_HELD' })
  }
}

type Judged =
  | { readonly held: true; readonly holder: LockHolder }
  | { readonly held: false; readonly holder?: LockHolder }

/** Whether a lock is held, and whose it is or was left behind by. */
async function judge(
  found: Found | undefined,
  { key, isAlive }: Pick<LockRequest, 'key' | 'isAlive'>,
): Promise<Judged> {
  if (!found || found.lease?.held === false) return { held: false }
  const { lease, age, now } = found
  const holder = lease ? holderOf(lease) : unknownHolder(key)
  if (lease?.lasting) {
    const ended = lease.until !== undefined && now >= Date.parse(lease.until)
    return ended ? { held: false, holder } : { held: true, holder }
  }
  // Both times are cut to seconds, so that it may be up to a second younger.
  const ended = age >= (lease?.lease ?? 60) + 1 || (await isAlive?.(holder)) === false
  return ended ? { held: false, holder } : { held: true, holder }
}

function conditionOf(found: Found | undefined): Condition {
  return found ? { ifEtag: found.etag } : { ifAbsent: true }
}

function unknownHolder(key: string): LockHolder {
  return {
    key,
    user: 'somebody unknown',
    reason: 'its details are missing',
    since: new Date().toISOString(),
    host: 'unknown',
    pid: 0,
  }
}

/** A lock's name as part of an object's: what could not stand there stands as the hexadecimal numbers of its bytes. */
function safe(key: string): string {
  return key.replaceAll(/[^A-Za-z0-9.-]|^\./gu, (character) =>
    [...Buffer.from(character)].map((byte) => `_${byte.toString(16).padStart(2, '0')}`).join(''),
  )
}
