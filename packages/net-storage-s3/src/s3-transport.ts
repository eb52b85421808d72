import type {
  PutObjectCommandInput,
  S3Client,
  ServiceInputTypes,
  ServiceOutputTypes,
} from '@aws-sdk/client-s3'
import { addAbortSignal, Readable } from 'node:stream'
import {
  assertKey,
  Transport,
  TransportError,
  type PutOptions,
  type Source,
  type StoredObject,
} from 'shipit-net-storage'
import { s3Error, statusOf } from './s3-errors.js'
import { optionMistakes, type S3TransportOptions } from './settings.js'

const MEBIBYTE = 1 << 20

/** Most keys that one DeleteObjects takes. */
const DELETE_BATCH = 1000

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
  private readonly prefix: string
  private connecting: Promise<S3Client> | undefined

  /** Wrong options are told in `mistakes`, and by every method. */
  constructor(private readonly options: S3TransportOptions) {
    super()
    this.mistakes = optionMistakes(options)
    const { bucket, prefix } = options
    const folder = (typeof prefix === 'string' ? prefix : '').replaceAll(/^\/+|\/+$/g, '')
    this.prefix = folder ? `${folder}/` : ''
    this.description = `s3://${bucket}${folder ? `/${folder}` : ''}`
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
    return this.attempt('s3:GetObject', async (client) => {
      try {
        const { ContentLength = 0, LastModified = new Date(0) } = await client.send(
          new HeadObjectCommand(this.object(key)),
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
    const input: PutObjectCommandInput = {
      ...this.object(key),
      ContentType: contentType,
      ServerSideEncryption: this.options.serverSideEncryption,
      SSEKMSKeyId: this.options.sseKmsKeyId,
      StorageClass: this.options.storageClass,
    }
    if (body instanceof Uint8Array) return this.putWhole({ ...input, Body: body }, ifAbsent, signal)
    await this.putStream(input, body, signal)
    return true
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    const { GetObjectCommand } = await import('@aws-sdk/client-s3')
    return this.attempt('s3:GetObject', async (client) => {
      try {
        const { Body } = await client.send(new GetObjectCommand(this.object(key)))
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
    let token: string | undefined
    do {
      const input = { Bucket: this.options.bucket, Prefix: this.prefix + prefix, ContinuationToken: token }
      const page = await this.attempt('s3:ListBucket', (client) =>
        client.send(new ListObjectsV2Command(input)),
      )
      for (const { Key = '', Size = 0, LastModified = new Date(0) } of page.Contents ?? []) {
        yield { key: Key.slice(this.prefix.length), size: Size, modifiedAt: LastModified }
      }
      token = page.NextContinuationToken
    } while (token)
  }

  async remove(keys: readonly string[]): Promise<void> {
    const { DeleteObjectsCommand } = await import('@aws-sdk/client-s3')
    for (let from = 0; from < keys.length; from += DELETE_BATCH) {
      const Objects = keys.slice(from, from + DELETE_BATCH).map((key) => ({ Key: this.object(key).Key }))
      await this.attempt('s3:DeleteObject', async (client) => {
        const { Errors = [] } = await client.send(
          new DeleteObjectsCommand({ Bucket: this.options.bucket, Delete: { Objects, Quiet: true } }),
        )
        if (Errors[0])
          throw Object.assign(new Error('DeleteObjects failed'), { name: Errors[0].Code ?? 'DeleteObjects' })
      })
    }
  }

  async source(key: string): Promise<Source> {
    const [{ GetObjectCommand }, { getSignedUrl }] = await Promise.all([
      import('@aws-sdk/client-s3'),
      import('@aws-sdk/s3-request-presigner'),
    ])
    const url = await this.attempt('s3:GetObject', (client) =>
      getSignedUrl(client, new GetObjectCommand(this.object(key)), {
        expiresIn: this.options.urlExpiresIn ?? 3600,
      }),
    )
    return { url }
  }

  private object(key: string): { Bucket: string; Key: string } {
    assertKey(key)
    return { Bucket: this.options.bucket, Key: this.prefix + key }
  }

  private async putWhole(
    input: PutObjectCommandInput,
    ifAbsent: boolean,
    signal: AbortSignal | undefined,
  ): Promise<boolean> {
    const { PutObjectCommand } = await import('@aws-sdk/client-s3')
    const send = (client: S3Client, condition: { IfNoneMatch?: string }): Promise<unknown> =>
      client.send(new PutObjectCommand({ ...input, ...condition }), signal ? { abortSignal: signal } : {})
    return this.attempt(
      's3:PutObject',
      async (client) => {
        try {
          await send(client, ifAbsent ? { IfNoneMatch: '*' } : {})
          return true
        } catch (error) {
          const status = statusOf(error)
          // Another writer was there, or is at this moment.
          if (ifAbsent && (status === 412 || status === 409)) return false
          // No conditional writes here: whether it was absent was asked before.
          if (ifAbsent && status === 501) {
            await send(client, {})
            return true
          }
          throw error
        }
      },
      signal,
    )
  }

  private async putStream(
    input: PutObjectCommandInput,
    body: AsyncIterable<Uint8Array>,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const [{ Upload }, { PutObjectCommand, UploadPartCommand }] = await Promise.all([
      import('@aws-sdk/lib-storage'),
      import('@aws-sdk/client-s3'),
    ])
    const { partSize = 8 * MEBIBYTE, queueSize = 4 } = this.options
    // The source's own error is what the caller wants to see, not what the upload makes of it.
    let sourceError: { readonly error: unknown } | undefined
    const watched = (async function* () {
      try {
        yield* body
      } catch (error) {
        sourceError = { error }
        throw error
      }
    })()
    await this.attempt(
      's3:PutObject',
      async (client) => {
        const content = Readable.from(watched, { objectMode: false })
        if (signal) addAbortSignal(signal, content)
        // Upload's own abort does not wait for the removal of the parts: what sends content is given up instead.
        const send = (command: Parameters<S3Client['send']>[0]): Promise<unknown> => {
          const isContent = command instanceof UploadPartCommand || command instanceof PutObjectCommand
          const bound = signal && isContent ? { abortSignal: signal } : {}
          return client.send<ServiceInputTypes, ServiceOutputTypes>(command, bound)
        }
        await new Upload({
          client: new Proxy(client, {
            get: (target, key) => (key === 'send' ? send : (Reflect.get(target, key) as unknown)),
          }),
          params: { ...input, Body: content },
          partSize,
          queueSize,
        }).done()
      },
      signal,
    ).catch((error: unknown) => {
      throw sourceError && !signal?.aborted ? sourceError.error : error
    })
  }

  private async attempt<T>(
    action: string,
    run: (client: S3Client) => Promise<T>,
    signal?: AbortSignal,
  ): Promise<T> {
    const { bucket, endpoint, region } = this.options
    if (this.mistakes.length > 0)
      throw new TransportError(`S3Transport: ${this.mistakes.join('; ')}.`, { code: 'E_S3_OPTIONS' })
    try {
      signal?.throwIfAborted()
      return await run(await (this.connecting ??= this.connect()))
    } catch (error) {
      signal?.throwIfAborted()
      if (error instanceof TransportError) throw error
      throw s3Error(error, { action, bucket, description: this.description, endpoint, region })
    }
  }

  private async connect(): Promise<S3Client> {
    const { S3Client } = await import('@aws-sdk/client-s3')
    // The SDK's advice on Node versions would stand in the log of each deploy; npm tells it at installation.
    process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true'
    const { region, endpoint, forcePathStyle, profile, configFile, credentials } = this.options
    return new S3Client({
      ...(region ? { region } : {}),
      ...(endpoint ? { endpoint } : {}),
      ...(forcePathStyle === undefined ? {} : { forcePathStyle }),
      ...(credentials
        ? { credentials }
        : profile || configFile
          ? { credentials: await profileCredentials(profile, configFile) }
          : {}),
      maxAttempts: 3,
      requestHandler: { connectionTimeout: 5000 },
      // Not every storage knows the checksums that the SDK sends by default; archives have their own.
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
    })
  }
}

async function profileCredentials(profile: string | undefined, configFile: string | undefined) {
  const { fromIni } = await import('@aws-sdk/credential-providers')
  return fromIni({
    ...(profile ? { profile } : {}),
    ...(configFile ? { configFilepath: configFile, filepath: configFile } : {}),
  })
}
