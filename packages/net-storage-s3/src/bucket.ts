import type { PutObjectCommandInput, S3Client } from '@aws-sdk/client-s3'
import { assertKey, TransportError } from 'shipit-net-storage'
import { createS3Client, endpointFromEnvironment, type S3ClientOptions } from './s3-client.js'
import { s3Error } from './s3-errors.js'

/** A bucket, a folder in it, and how its objects are encrypted. */
export interface BucketOptions extends S3ClientOptions {
  readonly bucket: string
  readonly prefix?: string
  /** @default the bucket's own */
  readonly serverSideEncryption?: 'AES256' | 'aws:kms' | 'aws:kms:dsse'
  readonly sseKmsKeyId?: string
}

/** A folder in a bucket, and its client. Loads the SDK on the first request. */
export class Bucket {
  readonly name: string
  /** Prefix of every object's key: empty, or ends with a `/`. */
  readonly prefix: string
  /** `s3://bucket/prefix`. */
  readonly description: string
  private connecting: Promise<S3Client> | undefined

  constructor(
    private readonly options: BucketOptions,
    /** Errors in the options; every attempt fails with them. */
    private readonly mistakes: readonly string[] = [],
  ) {
    const { bucket, prefix } = options
    const folder = (typeof prefix === 'string' ? prefix : '').replaceAll(/^\/+|\/+$/g, '')
    this.name = bucket
    this.prefix = folder ? `${folder}/` : ''
    this.description = `s3://${bucket}${folder ? `/${folder}` : ''}`
  }

  /** An object, as input for the SDK's commands. @throws {TransportError} `E_KEY` */
  object(key: string): { Bucket: string; Key: string } {
    assertKey(key)
    return { Bucket: this.name, Key: this.prefix + key }
  }

  /** An object to write, as input for the SDK's commands. @throws {TransportError} `E_KEY` */
  newObject(key: string): PutObjectCommandInput {
    const { serverSideEncryption, sseKmsKeyId } = this.options
    return { ...this.object(key), ServerSideEncryption: serverSideEncryption, SSEKMSKeyId: sseKmsKeyId }
  }

  /**
   * Runs requests.
   * @param action IAM action, such as `s3:PutObject`
   * @throws {TransportError} see {@link s3Error}; the signal's reason if it is aborted
   */
  async attempt<T>(action: string, run: (client: S3Client) => Promise<T>, signal?: AbortSignal): Promise<T> {
    if (this.mistakes.length > 0)
      throw new TransportError(`Invalid S3 options: ${this.mistakes.join('; ')}.`, { code: 'E_S3_OPTIONS' })
    try {
      signal?.throwIfAborted()
      return await run(await this.client())
    } catch (error) {
      signal?.throwIfAborted()
      if (error instanceof TransportError) throw error
      const { name: bucket, prefix, description } = this
      throw s3Error(error, { action, bucket, prefix, description, ...(await this.place()) })
    }
  }

  /** Region, and the endpoint if it is not Amazon's. */
  async place(): Promise<{ region: string | undefined; endpoint: string | undefined }> {
    const config = await this.client().then(
      (client) => client.config,
      () => undefined,
    )
    const region = await config?.region().catch(() => undefined)
    const endpoint = await config?.endpoint?.().catch(() => undefined)
    if (!endpoint) return { region, endpoint: endpointFromEnvironment() }
    const { protocol, hostname, port, path } = endpoint
    return { region, endpoint: `${protocol}//${hostname}${port ? `:${port}` : ''}${path.replace(/\/$/, '')}` }
  }

  private client(): Promise<S3Client> {
    return (this.connecting ??= this.connect().catch((error: unknown) => {
      this.connecting = undefined
      throw error
    }))
  }

  /** Checks region and credentials first, so that a missing one is not reported as a storage error. */
  private async connect(): Promise<S3Client> {
    const client = await createS3Client(this.options)
    const { region, credentials } = client.config
    await region().catch(() => {
      throw new TransportError(
        `No region for ${this.description}: set the transport's region or AWS_REGION.`,
        { code: 'E_S3_REGION' },
      )
    })
    await credentials().catch((error: Error) => {
      const { profile } = this.options
      throw new TransportError(
        `No credentials for ${this.description}${profile ? ` in profile '${profile}'` : ''} (${error.name}): set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, log in (aws sso login), or give the machine a role.`,
        { code: 'E_S3_CREDENTIALS' },
      )
    })
    return client
  }
}
