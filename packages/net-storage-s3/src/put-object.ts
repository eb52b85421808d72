import type { PutObjectCommandInput, S3Client } from '@aws-sdk/client-s3'
import { setTimeout as wait } from 'node:timers/promises'
import type { Bucket } from './bucket.js'
import { statusOf } from './s3-errors.js'

/** Attempts while another writer is active. */
const TRIES = 5

/**
 * Stores an object in one request; with `ifAbsent`, only if it does not exist. Without conditional writes in storage, the
 * caller has to check that first.
 * @returns `stored`: false if the object existed or another writer won the race; `isConditional`: whether storage supports
 * conditional writes, if `ifAbsent` was set
 */
export async function putObject(
  bucket: Bucket,
  object: PutObjectCommandInput,
  { ifAbsent, signal }: { readonly ifAbsent: boolean; readonly signal: AbortSignal | undefined },
): Promise<{ readonly stored: boolean; readonly isConditional?: boolean }> {
  const { PutObjectCommand } = await import('@aws-sdk/client-s3')
  const send = (client: S3Client, condition: { IfNoneMatch?: string }): Promise<unknown> =>
    client.send(new PutObjectCommand({ ...object, ...condition }), signal ? { abortSignal: signal } : {})

  const putIfAbsent = async (
    client: S3Client,
    tries: number,
  ): Promise<{ stored: boolean; isConditional: boolean }> => {
    try {
      await send(client, { IfNoneMatch: '*' })
      return { stored: true, isConditional: true }
    } catch (error) {
      const status = statusOf(error)
      if (status === 412) return { stored: false, isConditional: true }
      // Another write is in progress, and may still fail.
      if (status === 409 && tries > 1) {
        await wait(200, undefined, signal ? { signal } : {})
        return putIfAbsent(client, tries - 1)
      }
      if (status === 409) return { stored: false, isConditional: true }
      if (status !== 501) throw error
      await send(client, {})
      return { stored: true, isConditional: false }
    }
  }

  return bucket.attempt(
    's3:PutObject',
    async (client) => {
      if (ifAbsent) return putIfAbsent(client, TRIES)
      await send(client, {})
      return { stored: true }
    },
    signal,
  )
}
