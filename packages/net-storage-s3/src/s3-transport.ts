import type { PutObjectCommandInput } from '@aws-sdk/client-s3'
import { Transport, type PutOptions, type Source, type StoredObject } from 'shipit-net-storage'
import { Bucket } from './bucket.js'
import { putObject } from './put-object.js'
import { statusOf } from './s3-errors.js'
import { optionMistakes, type S3TransportOptions } from './settings.js'
import { uploadInParts } from './upload.js'

const MEBIBYTE = 1 << 20

/** Requests for removal that are under way at the same time. */
const REMOVALS = 16

/**
 * Archives in Amazon S3, or any storage that speaks its protocol. Servers get presigned addresses, and need no
 * credentials. Mirrors capistrano-net_storage-s3.
 *
 * The SDK is loaded with the first request. All methods reject with a `TransportError`: `E_S3_BUCKET`, `E_S3_ACCESS`,
 * `E_S3_CREDENTIALS`, `E_S3_REGION`, `E_S3_UNREACHABLE`, `E_S3_OPTIONS`, `E_STORAGE`.
 */
export class S3Transport extends Transport {
  readonly description: string
  override readonly mistakes: readonly string[]
  private readonly bucket: Bucket

  /** Wrong options are told in `mistakes`, and by every method. */
  constructor(private readonly options: S3TransportOptions) {
    super()
    this.mistakes = optionMistakes(options)
    this.bucket = new Bucket(options, this.mistakes)
    this.description = this.bucket.description
  }

  async check(): Promise<void> {
    const key = `checks/${crypto.randomUUID()}`
    for await (const _ of this.list('checks/')) break
    await this.put(key, Buffer.from('check'))
    await this.get(key)
    await this.remove([key])
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
    const object: PutObjectCommandInput = {
      ...this.bucket.object(key),
      ContentType: contentType,
      ServerSideEncryption: this.options.serverSideEncryption,
      SSEKMSKeyId: this.options.sseKmsKeyId,
      StorageClass: this.options.storageClass,
    }
    if (body instanceof Uint8Array)
      return putObject(this.bucket, { ...object, Body: body }, { ifAbsent, signal })
    const { partSize = 8 * MEBIBYTE, queueSize = 4 } = this.options
    await uploadInParts(this.bucket, object, body, { partSize, queueSize, signal })
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
    const [{ GetObjectCommand }, { getSignedUrl }] = await Promise.all([
      import('@aws-sdk/client-s3'),
      import('@aws-sdk/s3-request-presigner'),
    ])
    const url = await this.bucket.attempt('s3:GetObject', (client) =>
      getSignedUrl(client, new GetObjectCommand(this.bucket.object(key)), {
        expiresIn: this.options.urlExpiresIn ?? 3600,
      }),
    )
    return { url }
  }
}
