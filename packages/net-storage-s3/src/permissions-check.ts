import type { PutObjectCommandInput, S3Client } from '@aws-sdk/client-s3'
import { TransportError } from 'shipit-net-storage'
import type { Bucket } from './bucket.js'
import { statusOf } from './s3-errors.js'
import { permission } from './permissions.js'

const CONTENT = Buffer.from('check')

/**
 * Performs every operation that a deploy needs in a bucket, on a test object.
 * @param object the test object, with the same encryption, tags and so on as all others
 * @returns whether storage honours conditional writes
 * @throws {TransportError} `E_S3_PERMISSIONS`, with all missing permissions; else as {@link Bucket.attempt}
 */
export async function checkPermissions(bucket: Bucket, object: PutObjectCommandInput): Promise<boolean> {
  const s3 = await import('@aws-sdk/client-s3')
  const { Bucket: name, Key } = object
  const folder = { Bucket: name, Prefix: bucket.prefix, MaxKeys: 1 }
  const missing: string[] = []
  const allowed = async (action: string, run: (client: S3Client) => Promise<unknown>): Promise<boolean> => {
    try {
      await bucket.attempt(action, run)
      return true
    } catch (error) {
      if (!(error instanceof TransportError) || error.code !== 'E_S3_PERMISSIONS') throw error
      const { region } = await bucket.place()
      missing.push(permission(action, { bucket: bucket.name, prefix: bucket.prefix, region }))
      return false
    }
  }

  let isConditional = false
  const mayList = await allowed('s3:ListBucket', (client) => client.send(new s3.ListObjectsV2Command(folder)))
  const mayPut = await allowed('s3:PutObject', async (client) => {
    await client.send(new s3.PutObjectCommand({ ...object, Body: CONTENT }))
    isConditional = await refusesSecond(client, { ...object, Body: CONTENT })
  })
  // The other operations need the object.
  if (mayPut) {
    const mayGet = await allowed('s3:GetObject', async (client) => {
      const { Body } = await client.send(new s3.GetObjectCommand({ Bucket: name, Key }))
      await Body?.transformToByteArray()
    })
    await allowed('s3:AbortMultipartUpload', async (client) => {
      const { UploadId } = await client.send(new s3.CreateMultipartUploadCommand(object))
      await client.send(new s3.AbortMultipartUploadCommand({ Bucket: name, Key, UploadId }))
    })
    // With a condition on s3:ListBucket, S3 answers 403, not 404, for a missing object.
    if (mayList && mayGet) {
      const absent = { Bucket: name, Key: `${Key}-absent` }
      await allowed('s3:ListBucket', (client) =>
        client.send(new s3.HeadObjectCommand(absent)).catch(orAbsent),
      )
    }
  }
  await allowed('s3:DeleteObject', (client) => client.send(new s3.DeleteObjectCommand({ Bucket: name, Key })))

  if (missing.length > 0) {
    throw new TransportError(
      [
        `${bucket.description} denies what a deploy needs. Grant the credentials these permissions:`,
        ...missing,
      ].join('\n  '),
      { code: 'E_S3_PERMISSIONS' },
    )
  }
  return isConditional

  async function refusesSecond(client: S3Client, second: PutObjectCommandInput): Promise<boolean> {
    try {
      await client.send(new s3.PutObjectCommand({ ...second, IfNoneMatch: '*' }))
      return false
    } catch (error) {
      const status = statusOf(error) ?? 0
      if (status === 412 || status === 409) return true
      if (status === 501 || status === 400) return false
      throw error
    }
  }
}

function orAbsent(error: unknown): void {
  if (statusOf(error) !== 404) throw error
}
