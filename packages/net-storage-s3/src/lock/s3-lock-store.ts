import { randomUUID } from 'node:crypto'
import type { LockStore, StoredLock } from 'shipit-deploy-locker'
import { Bucket } from '../bucket.js'
import { provesConditions } from './conditions.js'
import { LockObject } from './lock-object.js'
import { lockMistakes, type S3LockStoreOptions } from './settings.js'

/**
 * Locks in a bucket, for `deployLock.store`: one deploy at a time among all machines that use it. A lock is an object, which is
 * only ever written on a condition; its versions are ETags, and its times the storage's.
 *
 * All methods reject with a `TransportError`: those of `S3Transport`, and `E_S3_CONDITIONS` if storage does not honour
 * conditions.
 */
export class S3LockStore implements LockStore {
  /** What is wrong with the options, a sentence each. */
  readonly mistakes: readonly string[]
  readonly description: string
  readonly lease: number
  private readonly bucket: Bucket
  private isProved = false

  constructor(options: S3LockStoreOptions) {
    this.mistakes = lockMistakes(options)
    // What became of a write that failed is to be found out before it is tried again.
    const clientConfig = { maxAttempts: 1, ...options.clientConfig }
    this.bucket = new Bucket(options.client ? options : { ...options, clientConfig }, this.mistakes)
    this.description = this.bucket.description
    this.lease = options.lease ?? 60
  }

  async read(key: string): Promise<StoredLock | undefined> {
    const found = await this.object(key).read()
    // Both times are cut to seconds, so that it may be up to a second younger.
    return found && { ...found, version: found.etag, age: Math.max(0, found.age - 1) * 1000 }
  }

  async write(key: string, text: string, expected: string | undefined): Promise<string | undefined> {
    // Without conditions, the lock would be given to everybody: that is found out first, once.
    if (!this.isProved) await this.check()
    return this.object(key).write(text, expected === undefined ? { ifAbsent: true } : { ifEtag: expected })
  }

  renew(key: string, text: string, version: string): Promise<string | undefined> {
    return this.object(key).write(text, { ifEtag: version }, 1)
  }

  /** Proves that storage honours conditions, with an object that it removes again. */
  async check(): Promise<void> {
    await provesConditions(this.object(`check ${randomUUID()}`))
    this.isProved = true
  }

  private object(key: string): LockObject {
    // A request that hangs leaves time for others before the lease has run out.
    const patience = Math.min(10_000, Math.max(1000, (this.lease * 1000) / 6))
    return new LockObject(this.bucket, `locks/${safe(key)}.json`, patience)
  }
}

/** A lock's name as part of an object's: what could not stand there stands as the hexadecimal numbers of its bytes. */
function safe(key: string): string {
  return key.replaceAll(/[^A-Za-z0-9.-]|^\./gu, (character) =>
    [...Buffer.from(character)].map((byte) => `_${byte.toString(16).padStart(2, '0')}`).join(''),
  )
}
