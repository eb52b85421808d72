import type { S3Client } from '@aws-sdk/client-s3'
import { once } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import { TransportError } from 'shipit-net-storage'
import type { Bucket } from '../bucket.js'
import { statusOf } from '../s3-errors.js'

/** What was found. */
export interface Found {
  readonly text: string
  readonly etag: string
  /** Seconds since it was written, and milliseconds since 1970 now: by the storage's clock, which shows whole seconds. */
  readonly age: number
  readonly now: number
}

/** When to write. Storage refuses if it is not so, in the same step. */
export type Condition = { readonly ifAbsent: true } | { readonly ifEtag: string }

/** How often a request is tried whose answer is unclear. */
const TRIES = 3

/** Milliseconds in between. */
const TRY_AGAIN_AFTER = 100

/** Answers of status 4xx that do not say that the write was refused for good. */
const UNCLEAR = new Set([404, 408, 409, 412, 429])

/** The object that a lock is kept in. It is only ever written on a condition. */
export class LockObject {
  constructor(
    readonly bucket: Bucket,
    private readonly key: string,
    /** Milliseconds until a request is cancelled. */
    private readonly patience: number,
  ) {}

  /** @throws {TransportError} */
  async read(): Promise<Found | undefined> {
    return this.bucket.attempt('s3:GetObject', async (client) => {
      for (let left = TRIES - 1; ; left -= 1) {
        try {
          return await this.get(client)
        } catch (error) {
          // Without the object, but not without the bucket.
          if ((error as Error).name === 'NoSuchKey') return undefined
          if (left <= 0 || isRefusal(error) || statusOf(error) === 404) throw error
          await pause(TRY_AGAIN_AFTER)
        }
      }
    })
  }

  /**
   * Writes a text, which is like no other one, if the condition holds. Where the answer is unclear, reading tells what became of it.
   * @returns the ETag; undefined if the condition did not hold
   * @throws {TransportError} if storage refuses, or that can't be told
   */
  async write(text: string, condition: Condition, tries = TRIES): Promise<string | undefined> {
    for (let left = tries - 1; ; left -= 1) {
      const outcome = await this.put(text, condition)
      if ('etag' in outcome) return outcome.etag
      const { error } = outcome
      const found = isRefusal(error)
        ? undefined
        : await this.read().then(
            (value) => ({ value }),
            () => undefined,
          )
      if (found?.value?.text === text) return found.value.etag
      if (found && !holds(condition, found.value)) return undefined
      if (isRefusal(error) || left <= 0) throw await this.explained(error)
      await pause(TRY_AGAIN_AFTER)
    }
  }

  /** Sends a write, once. @returns its ETag, or the SDK's error */
  async put(
    content: string,
    condition: Condition,
  ): Promise<{ readonly etag: string } | { readonly error: unknown }> {
    const { PutObjectCommand } = await import('@aws-sdk/client-s3')
    // Ceph compares ETags without their quotes, Amazon with them or without.
    const header = 'ifEtag' in condition ? { IfMatch: condition.ifEtag } : { IfNoneMatch: '*' }
    const input = {
      ...this.bucket.newObject(this.key),
      Body: content,
      ContentType: 'application/json',
      ...header,
    }
    return this.bucket.attempt('s3:PutObject', async (client: S3Client) => {
      try {
        const { ETag = '' } = await this.inTime((abortSignal) =>
          client.send(new PutObjectCommand(input), { abortSignal }),
        )
        return { etag: unquoted(ETag) }
      } catch (error) {
        return { error }
      }
    })
  }

  /** Whatever is there. @throws {TransportError} */
  async remove(): Promise<void> {
    const { DeleteObjectCommand } = await import('@aws-sdk/client-s3')
    await this.bucket.attempt('s3:DeleteObject', (client) =>
      this.inTime((abortSignal) =>
        client.send(new DeleteObjectCommand(this.bucket.object(this.key)), { abortSignal }),
      ),
    )
  }

  /** A write's error, for people. */
  async explained(error: unknown): Promise<unknown> {
    if (statusOf(error) === 501) return noLock(this.bucket, 'knows no conditional writes')
    return this.bucket
      .attempt('s3:PutObject', () => Promise.reject(error))
      .catch((explained: unknown) => explained)
  }

  private async get(client: S3Client): Promise<Found> {
    const { GetObjectCommand } = await import('@aws-sdk/client-s3')
    const command = new GetObjectCommand(this.bucket.object(this.key))
    let date = ''
    command.middlewareStack.add(
      (next) => async (args) => {
        const result = await next(args)
        date = (result.response as { headers: Record<string, string> }).headers['date'] ?? ''
        return result
      },
      { step: 'deserialize' },
    )
    return this.inTime(async (abortSignal) => {
      const { Body, ETag, LastModified } = await client.send(command, { abortSignal })
      const now = Date.parse(date)
      if (!ETag || !LastModified || Number.isNaN(now))
        throw noLock(this.bucket, 'does not say when it answers')
      const text = (await Body?.transformToString()) ?? ''
      return { text, etag: unquoted(ETag), age: (now - LastModified.getTime()) / 1000, now }
    })
  }

  private async inTime<T>(run: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const signal = AbortSignal.timeout(this.patience)
    const late = once(signal, 'abort').then(() => {
      throw Object.assign(new Error(`no answer in ${this.patience} ms`), { name: 'TimeoutError' })
    })
    return Promise.race([run(signal), late])
  }
}

/** `E_S3_CONDITIONS`: a lock can't be kept there. */
export function noLock({ description }: Bucket, why: string): TransportError {
  return new TransportError(
    `${description} ${why}, so it can't keep a lock for several machines: use a storage that honours If-None-Match and If-Match when it is written to, such as Amazon S3, or FileLockStore in a shared folder.`,
    { code: 'E_S3_CONDITIONS' },
  )
}

function isRefusal(error: unknown): boolean {
  const status = statusOf(error) ?? 0
  if (error instanceof TransportError || (error as Error).name === 'CredentialsProviderError') return true
  if (status === 501) return true
  return status >= 300 && status < 500 && !UNCLEAR.has(status)
}

function holds(condition: Condition, found: Found | undefined): boolean {
  return 'ifEtag' in condition ? found?.etag === condition.ifEtag : found === undefined
}

function unquoted(etag: string): string {
  return etag.replaceAll('"', '')
}
