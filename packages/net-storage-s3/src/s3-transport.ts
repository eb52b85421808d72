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
import { addressNotes, presignedGet } from './presign.js'
import { putObject } from './put-object.js'
import { certificates } from './request-handler.js'
import { checkRights } from './rights-check.js'
import { statusOf } from './s3-errors.js'
import { lockOptions, S3LockStore } from './s3-lock-store.js'
import { transportMistakes, type S3TransportOptions } from './settings.js'
import { abortUploads } from './unfinished-uploads.js'
import { uploadInParts } from './upload.js'

/** Requests for removal that are under way at the same time. */
const REMOVALS = 16

/**
 * Archives in Amazon S3, or any storage that speaks its protocol. Servers get presigned addresses, and need no credentials,
 * unless `serverCommand` says otherwise. Mirrors capistrano-net_storage-s3.
 *
 * The SDK is loaded with the first request. All methods reject with a `TransportError`: `E_S3_BUCKET`, `E_S3_ACCESS`,
 * `E_S3_RIGHTS`, `E_S3_CREDENTIALS`, `E_S3_REGION`, `E_S3_UNREACHABLE`, `E_S3_OPTIONS`, `E_STORAGE`.
 */
export class S3Transport extends Transport {
  readonly description: string
  override readonly mistakes: readonly string[]
  /** Whether storage honours conditional writes, as far as is known from `check`, or a `put` with `ifAbsent`. */
  override isExclusive = true
  /** Programs that servers need to fetch. */
  override readonly serverPrograms: readonly string[]
  private readonly bucket: Bucket

  /** Wrong options are told in `mistakes`, and by every method. */
  constructor(private readonly options: S3TransportOptions) {
    super()
    this.mistakes = transportMistakes(options)
    this.bucket = new Bucket(options, this.mistakes)
    this.description = this.bucket.description
    this.serverPrograms = this.usesAwsCli ? ['aws'] : []
  }

  async check(): Promise<string[]> {
    this.isExclusive = await checkRights(this.bucket, this.newObject(`checks/${crypto.randomUUID()}`))
    return [
      ...(this.isExclusive
        ? []
        : [
            `${this.description} does not honour conditional writes: of two deploy machines that build the same commit at the same moment, each deploys its own archive, and the later one's is kept.`,
          ]),
      ...(this.usesAwsCli ? [] : await addressNotes(this.bucket, this.urlExpiresIn)),
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
        // Without the object, but not without the bucket.
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

  /** One request each: storages do not agree on what DeleteObjects has to look like. */
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
    const address = await presignedGet(this.bucket, key, this.urlExpiresIn)
    const ca = await certificates(this.options)
    return ca ? { ...address, ca } : address
  }

  override async removeUnfinished(begunBefore: Date): Promise<string[]> {
    return abortUploads(this.bucket, begunBefore)
  }

  /** A lock in the same folder of the bucket. Proves first, with an object of its own, that storage honours conditions. */
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

  /** An object to be stored, with what all of them get. */
  private newObject(key: string): PutObjectCommandInput {
    const { storageClass, tags } = this.options
    return {
      ...this.bucket.newObject(key),
      StorageClass: storageClass,
      ...(tags ? { Tagging: tagging(tags) } : {}),
    }
  }
}

/** Tags as the header has them: in a query's form, but no space as a plus, which not every storage reads. */
function tagging(tags: Readonly<Record<string, string>>): string {
  return Object.entries(tags)
    .map((pair) => pair.map(encodeURIComponent).join('='))
    .join('&')
}
