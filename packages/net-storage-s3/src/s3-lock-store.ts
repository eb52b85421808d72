import type { S3Client } from '@aws-sdk/client-s3'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import type { LockStore, StoredLock } from 'shipit-deploy-locker'
import { numberFrom, optionMistakes, TransportError } from 'shipit-net-storage'
import { z } from 'zod'
import { Bucket, type BucketOptions } from './bucket.js'
import { statusOf } from './s3-errors.js'
import { bucketShape } from './settings.js'

/** Options of {@link S3LockStore}. */
export interface S3LockStoreOptions extends BucketOptions {
  readonly bucket: string
  /** Folder in the bucket; locks are in `locks/` there. @default the bucket itself */
  readonly prefix?: string
  /** Seconds after which others may take over a lock that was not renewed; at least 3. @default 60 */
  readonly lease?: number
}

const schema = z.strictObject({
  ...bucketShape,
  lease: numberFrom(3, 86_400, 'seconds, from 3 to 86400').optional(),
})

/** Statuses of a refused write: the object is gone, is being written, or has changed. */
const TOO_LATE = new Set([404, 409, 412])

/**
 * Locks in a bucket, for `deployLock.store`: one deploy at a time for all machines that use it. A lock is an object that is only
 * written on conditions; its versions are ETags, and its times the storage's.
 *
 * All methods reject with a `TransportError`: those of `S3Transport`, and `E_S3_CONDITIONS` if storage does not honour conditions.
 */
export class S3LockStore implements LockStore {
  readonly mistakes: readonly string[]
  readonly description: string
  readonly lease: number
  private readonly bucket: Bucket
  private isProved = false

  constructor(options: S3LockStoreOptions) {
    this.mistakes = optionMistakes(schema, options)
    this.bucket = new Bucket(options, this.mistakes)
    this.description = this.bucket.description
    this.lease = options.lease ?? 60
  }

  async read(key: string): Promise<StoredLock | undefined> {
    const { GetObjectCommand } = await import('@aws-sdk/client-s3')
    return this.request('s3:GetObject', async (client, options) => {
      const command = new GetObjectCommand(this.bucket.object(nameOf(key)))
      let date = ''
      command.middlewareStack.add(
        (next) => async (args) => {
          const result = await next(args)
          date = (result.response as { headers: Record<string, string> }).headers['date'] ?? ''
          return result
        },
        { step: 'deserialize' },
      )
      const found = await client.send(command, options).catch((error: Error) => {
        if (error.name !== 'NoSuchKey') throw error
      })
      if (!found) return undefined
      const now = Date.parse(date)
      const { ETag, LastModified, Body } = found
      if (!ETag || !LastModified || Number.isNaN(now))
        throw this.unfit('sends no Date, ETag or Last-Modified')
      // Both times are whole seconds, so the object may be up to a second younger.
      const age = Math.max(0, now - LastModified.getTime() - 1000)
      return { version: unquoted(ETag), text: (await Body?.transformToString()) ?? '', age, now }
    })
  }

  async write(key: string, text: string, expected: string | undefined): Promise<string | undefined> {
    // Storage that ignores conditions would let everybody have the lock.
    if (!this.isProved) await this.check()
    return this.put(key, text, expected)
  }

  /** Proves, with an object that it removes again, that storage honours conditions. */
  async check(): Promise<void> {
    const probe = `check ${randomUUID()}`
    // After a lost response, the SDK retries and is refused, although its first write succeeded.
    const canWrite = async (expected: string | undefined): Promise<boolean> => {
      const text = randomUUID()
      return (await this.put(probe, text, expected)) !== undefined || (await this.read(probe))?.text === text
    }
    try {
      if (!(await canWrite(undefined))) throw this.unfit('refuses to write an object that is not there')
      if (await canWrite(undefined)) throw this.unfit('ignores If-None-Match')
      if (await canWrite('0'.repeat(32))) throw this.unfit('ignores If-Match')
      const found = await this.read(probe)
      if (!(await canWrite(found?.version))) throw this.unfit('does not honour If-Match')
      this.isProved = true
    } finally {
      const { DeleteObjectCommand } = await import('@aws-sdk/client-s3')
      const removal = new DeleteObjectCommand(this.bucket.object(nameOf(probe)))
      await this.request('s3:DeleteObject', (client, options) => client.send(removal, options)).catch(
        () => {},
      )
    }
  }

  private async put(key: string, text: string, expected: string | undefined): Promise<string | undefined> {
    const { PutObjectCommand } = await import('@aws-sdk/client-s3')
    // Ceph compares ETags without their quotes, Amazon with them or without.
    const condition = expected === undefined ? { IfNoneMatch: '*' } : { IfMatch: expected }
    const input = { ...this.bucket.newObject(nameOf(key)), ContentType: 'application/json', ...condition }
    return this.request('s3:PutObject', async (client, options) => {
      try {
        const { ETag = '' } = await client.send(new PutObjectCommand({ ...input, Body: text }), options)
        return unquoted(ETag)
      } catch (error) {
        const status = statusOf(error) ?? 0
        if (status === 501) throw this.unfit('knows no conditional writes')
        if (TOO_LATE.has(status) && (error as Error).name !== 'NoSuchBucket') return undefined
        throw error
      }
    })
  }

  /** Runs a request, and cancels one that hangs while there is time for others before the lease runs out. */
  private request<T>(
    action: string,
    run: (client: S3Client, options: { readonly abortSignal: AbortSignal }) => Promise<T>,
  ): Promise<T> {
    const patience = Math.round(Math.min(10_000, Math.max(1000, (this.lease * 1000) / 6)))
    return this.bucket.attempt(action, (client) => {
      const abortSignal = AbortSignal.timeout(patience)
      const late = once(abortSignal, 'abort').then(() => {
        throw Object.assign(new Error(`no answer in ${patience} ms`), { name: 'TimeoutError' })
      })
      return Promise.race([run(client, { abortSignal }), late])
    })
  }

  private unfit(why: string): TransportError {
    return new TransportError(
      `${this.description} ${why}, so it can't keep a lock for several machines: use a storage that honours If-None-Match and If-Match on writes, such as Amazon S3, or FileLockStore in a shared folder.`,
      { code: 'E_S3_CONDITIONS' },
    )
  }
}

/** A transport's options that a lock in the same place takes, too. */
export function lockOptions(options: BucketOptions): S3LockStoreOptions {
  const shared = Object.entries(options).filter(([name]) => name in bucketShape)
  return Object.fromEntries(shared) as { bucket: string }
}

/** The object's name; what can't be part of it is replaced by the hexadecimal numbers of its bytes. */
function nameOf(key: string): string {
  const name = key.replaceAll(/[^A-Za-z0-9.-]|^\./gu, (character) =>
    [...Buffer.from(character)].map((byte) => `_${byte.toString(16).padStart(2, '0')}`).join(''),
  )
  return `locks/${name}.json`
}

function unquoted(etag: string): string {
  return etag.replaceAll('"', '')
}
