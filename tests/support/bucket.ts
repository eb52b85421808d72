import { randomUUID } from 'node:crypto'
import {
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteBucketCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3'
import type { S3LockStoreOptions } from 'shipit-net-storage-s3'
import { inject } from 'vitest'
import type { S3Access } from '../../testbed/s3-server.js'

/** A bucket for one test. */
export class Bucket {
  private constructor(
    readonly name: string,
    readonly client: S3Client,
  ) {}

  /** @param access @default the S3 service that all tests share */
  static async create(access: S3Access = inject('s3')): Promise<Bucket> {
    const { endpoint, region, accessKeyId, secretAccessKey } = access
    const client = new S3Client({
      endpoint,
      region,
      credentials: { accessKeyId, secretAccessKey },
      forcePathStyle: true,
      requestChecksumCalculation: 'WHEN_REQUIRED',
    })
    const name = `test-${randomUUID()}`
    await client.send(new CreateBucketCommand({ Bucket: name }))
    return new Bucket(name, client)
  }

  /** Options for a lock in this bucket. */
  lockOptions(): S3LockStoreOptions {
    const { endpoint, region, accessKeyId, secretAccessKey } = inject('s3')
    const credentials = { accessKeyId, secretAccessKey }
    return { bucket: this.name, endpoint, region, credentials, forcePathStyle: true }
  }

  async keys(): Promise<string[]> {
    const { Contents = [] } = await this.client.send(new ListObjectsV2Command({ Bucket: this.name }))
    return Contents.map(({ Key }) => Key ?? '')
  }

  /** Keys of multipart uploads that were neither completed nor aborted. */
  async unfinishedUploads(): Promise<string[]> {
    const { Uploads = [] } = await this.client.send(new ListMultipartUploadsCommand({ Bucket: this.name }))
    return Uploads.map(({ Key }) => Key ?? '')
  }

  /** Starts a multipart upload and leaves it, as a killed deploy does. Returns its key. */
  async beginUpload(key: string): Promise<string> {
    const upload = { Bucket: this.name, Key: key }
    const { UploadId } = await this.client.send(new CreateMultipartUploadCommand(upload))
    const part = { ...upload, UploadId, PartNumber: 1, Body: Buffer.from('part') }
    await this.client.send(new UploadPartCommand(part))
    return key
  }

  /** Key and content of a revision's manifest. */
  async manifest(revision: string): Promise<{ key: string; content: string }> {
    const key = (await this.keys()).find((each) => each.startsWith(`shop/manifests/${revision}`)) ?? ''
    return { key, content: Buffer.from(await this.read(key)).toString() }
  }

  async read(key: string): Promise<Uint8Array> {
    const { Body } = await this.client.send(new GetObjectCommand({ Bucket: this.name, Key: key }))
    return (await Body?.transformToByteArray()) ?? new Uint8Array()
  }

  /** Writes an object behind the deploy's back. */
  async write(key: string, content: string): Promise<void> {
    await this.client.send(new PutObjectCommand({ Bucket: this.name, Key: key, Body: content }))
  }

  /** Removes an object behind the deploy's back. */
  async remove(key: string): Promise<void> {
    await this.client.send(new DeleteObjectCommand({ Bucket: this.name, Key: key }))
  }

  async delete(): Promise<void> {
    let keys: string[]
    while ((keys = await this.keys()).length > 0) await Promise.all(keys.map((key) => this.remove(key)))
    await this.client.send(new DeleteBucketCommand({ Bucket: this.name }))
    this.client.destroy()
  }
}
