import type { PutObjectCommandInput } from '@aws-sdk/client-s3'
import {
  Transport,
  TransportError,
  type LockOffer,
  type PutOptions,
  type Source,
  type StoredObject,
} from 'shipit-net-storage'
import { awsCliCopy } from './aws-cli.js'
import { Bucket } from './bucket.js'
import { partsOf } from './parts.js'
import { checkPermissions } from './permissions-check.js'
import { presignedGet, urlNotes } from './presign.js'
import { putObject } from './put-object.js'
import { certificates } from './request-handler.js'
import { statusOf } from './s3-errors.js'
import { lockOptions, S3LockStore } from './s3-lock-store.js'
import { transportMistakes, type S3TransportOptions } from './settings.js'
import { abortUploads } from './unfinished-uploads.js'
import { uploadInParts } from './upload.js'

/** Concurrent delete requests. */
const REMOVALS = 16

/**
 * Archives in Amazon S3 or S3-compatible storage. Servers fetch from presigned URLs and need no credentials, unless
 * `serverCommand` is `'aws-cli'`. Mirrors capistrano-net_storage-s3.
 *
 * The SDK is loaded on the first request. All methods reject with a `TransportError`: `E_S3_BUCKET`, `E_S3_ACCESS`,
 * `E_S3_PERMISSIONS`, `E_S3_CREDENTIALS`, `E_S3_REGION`, `E_S3_UNREACHABLE`, `E_S3_OPTIONS`, `E_STORAGE`.
 */
export class S3Transport extends Transport {
  readonly description: string
  override readonly mistakes: readonly string[]
  /** Whether storage honours conditional writes, as far as known from `check` or a `put` with `ifAbsent`. */
  override isExclusive = true
  override readonly serverPrograms: readonly string[]
  private readonly bucket: Bucket

  /** Does not throw: `mistakes` lists invalid options, and every method rejects with them. */
  constructor(private readonly options: S3TransportOptions) {
    super()
    this.mistakes = transportMistakes(options)
    this.bucket = new Bucket(options, this.mistakes)
    this.description = this.bucket.description
    this.serverPrograms = this.usesAwsCli ? ['aws'] : []
  }

  async check(): Promise<string[]> {
    this.isExclusive = await checkPermissions(this.bucket, this.newObject(`checks/${crypto.randomUUID()}`))
    return [
      ...(this.isExclusive
        ? []
        : [
            `${this.description} does not honour conditional writes: if two deploy machines build the same commit at the same time, each deploys its own archive, and the later one is kept.`,
          ]),
      ...(this.usesAwsCli ? [] : await urlNotes(this.bucket, this.urlExpiresIn)),
    ]
  }

  async stat(key: string): Promise<StoredObject | undefined> {
    const { HeadObjectCommand } = await import('@aws-sdk/client-s3')
    return this.bucket.attempt('s3:GetObject', async (client) => {
      try {
        const { ContentLength = 0, LastModified = new Date(0) } = await client.send(
          new HeadObjectCommand(this.bucket.object(key)),
        )
        return { key, size: ContentLength, modifiedAt: LastModified }
      } catch (error) {
        if (statusOf(error) === 404) return undefined
        throw error
      }
    })
  }

  async put(
    key: string,
    body: AsyncIterable<Uint8Array> | Uint8Array,
    options: PutOptions = {},
  ): Promise<boolean> {
    const { contentType = 'application/octet-stream', ifAbsent = false, signal } = options
    if (ifAbsent && (await this.stat(key))) return false
    const object = { ...this.newObject(key), ContentType: contentType }
    if (body instanceof Uint8Array) {
      const content = { ...object, Body: body }
      const { stored, isConditional } = await putObject(this.bucket, content, { ifAbsent, signal })
      if (isConditional === false) this.isExclusive = false
      return stored
    }
    await uploadInParts(this.bucket, object, body, { ...partsOf(this.options, options.sizeHint), signal })
    return true
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    const { GetObjectCommand } = await import('@aws-sdk/client-s3')
    return this.bucket.attempt('s3:GetObject', async (client) => {
      try {
        const { Body } = await client.send(new GetObjectCommand(this.bucket.object(key)))
        return await Body?.transformToByteArray()
      } catch (error) {
        // A missing bucket is an error.
        if ((error as Error).name === 'NoSuchKey') return undefined
        throw error
      }
    })
  }

  async *list(prefix: string): AsyncGenerator<StoredObject> {
    const { ListObjectsV2Command } = await import('@aws-sdk/client-s3')
    const folder = this.bucket.prefix
    let token: string | undefined
    do {
      const input = { Bucket: this.bucket.name, Prefix: folder + prefix, ContinuationToken: token }
      const page = await this.bucket.attempt('s3:ListBucket', (client) =>
        client.send(new ListObjectsV2Command(input)),
      )
      for (const { Key = '', Size = 0, LastModified = new Date(0) } of page.Contents ?? []) {
        yield { key: Key.slice(folder.length), size: Size, modifiedAt: LastModified }
      }
      token = page.NextContinuationToken
    } while (token)
  }

  /** One request per object: storage implementations disagree on DeleteObjects. */
  async remove(keys: readonly string[]): Promise<void> {
    const { DeleteObjectCommand } = await import('@aws-sdk/client-s3')
    const remaining = keys.map((key) => this.bucket.object(key)).values()
    const worker = async (): Promise<void> => {
      for (const object of remaining) {
        await this.bucket.attempt('s3:DeleteObject', (client) => client.send(new DeleteObjectCommand(object)))
      }
    }
    await Promise.all(Array.from({ length: Math.min(REMOVALS, keys.length) }, worker))
  }

  async source(key: string): Promise<Source> {
    if (this.usesAwsCli) return awsCliCopy(this.bucket, key)
    const source = await presignedGet(this.bucket, key, this.urlExpiresIn)
    const ca = await certificates(this.options)
    return ca ? { ...source, ca } : source
  }

  override async removeUnfinished(begunBefore: Date): Promise<string[]> {
    return abortUploads(this.bucket, begunBefore)
  }

  /** A lock in the same folder. First tests, with a temporary object, that storage honours conditional writes. */
  override async lock(): Promise<LockOffer> {
    const lock = new S3LockStore(lockOptions(this.options))
    try {
      await lock.check()
      return { store: lock, description: this.description }
    } catch (error) {
      if (!(error instanceof TransportError) || error.code !== 'E_S3_CONDITIONS') throw error
      return { reason: `${this.description} does not honour conditional writes` }
    }
  }

  private get urlExpiresIn(): number {
    return this.options.urlExpiresIn ?? 3600
  }

  private get usesAwsCli(): boolean {
    return this.options.serverCommand === 'aws-cli'
  }

  /** An object to write, with storage class and tags. */
  private newObject(key: string): PutObjectCommandInput {
    const { storageClass, tags } = this.options
    return {
      ...this.bucket.newObject(key),
      StorageClass: storageClass,
      ...(tags ? { Tagging: tagging(tags) } : {}),
    }
  }
}

/** The tagging header: a query string, with spaces as `%20`, as not all storage decodes `+`. */
function tagging(tags: Readonly<Record<string, string>>): string {
  return Object.entries(tags)
    .map((pair) => pair.map(encodeURIComponent).join('='))
    .join('&')
}
