import type { ListMultipartUploadsCommandInput, ListMultipartUploadsCommandOutput } from '@aws-sdk/client-s3'
import type { Bucket } from './bucket.js'

/** Aborts multipart uploads under a bucket's prefix that began before a time. Resolves with their keys. */
export async function abortUploads(bucket: Bucket, begunBefore: Date): Promise<string[]> {
  const { ListMultipartUploadsCommand, AbortMultipartUploadCommand } = await import('@aws-sdk/client-s3')
  const aborted: string[] = []
  const folder = { Bucket: bucket.name, Prefix: bucket.prefix }
  let next: ListMultipartUploadsCommandInput | undefined = folder
  while (next) {
    const input: ListMultipartUploadsCommandInput = next
    const page: ListMultipartUploadsCommandOutput = await bucket.attempt(
      's3:ListBucketMultipartUploads',
      (client) => client.send(new ListMultipartUploadsCommand(input)),
    )
    for (const { Key = '', UploadId, Initiated } of page.Uploads ?? []) {
      if (!Initiated || Initiated >= begunBefore) continue
      const upload = { Bucket: bucket.name, Key, UploadId }
      await bucket.attempt('s3:AbortMultipartUpload', (client) =>
        client.send(new AbortMultipartUploadCommand(upload)),
      )
      aborted.push(Key.slice(bucket.prefix.length))
    }
    const { IsTruncated, NextKeyMarker, NextUploadIdMarker } = page
    next = IsTruncated
      ? { ...folder, KeyMarker: NextKeyMarker, UploadIdMarker: NextUploadIdMarker }
      : undefined
  }
  return aborted
}
