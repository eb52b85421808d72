import type { PutObjectCommandInput, S3Client } from '@aws-sdk/client-s3'
import type { Bucket } from './bucket.js'
import { statusOf } from './s3-errors.js'

/**
 * Stores an object in one request, with `ifAbsent` only if there is none. Where storage knows no conditional writes, that is
 * the caller's to ask before.
 * @returns false if there was one, or somebody else wrote one at the same moment
 */
export async function putObject(
  bucket: Bucket,
  object: PutObjectCommandInput,
  { ifAbsent, signal }: { readonly ifAbsent: boolean; readonly signal: AbortSignal | undefined },
): Promise<boolean> {
  const { PutObjectCommand } = await import('@aws-sdk/client-s3')
  const send = (client: S3Client, condition: { IfNoneMatch?: string }): Promise<unknown> =>
    client.send(new PutObjectCommand({ ...object, ...condition }), signal ? { abortSignal: signal } : {})
  return bucket.attempt(
    's3:PutObject',
    async (client) => {
      try {
        await send(client, ifAbsent ? { IfNoneMatch: '*' } : {})
        return true
      } catch (error) {
        const status = statusOf(error)
        // Another writer was there, or is at this moment.
        if (ifAbsent && (status === 412 || status === 409)) return false
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
