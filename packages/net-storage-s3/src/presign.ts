import type { UrlSource } from 'shipit-net-storage'
import type { Bucket } from './bucket.js'

/** A presigned URL for one object, valid for `seconds`; needs no credentials. */
export async function presignedGet(bucket: Bucket, key: string, seconds: number): Promise<UrlSource> {
  const [{ GetObjectCommand }, { getSignedUrl }] = await Promise.all([
    import('@aws-sdk/client-s3'),
    import('@aws-sdk/s3-request-presigner'),
  ])
  const object = bucket.object(key)
  return bucket.attempt('s3:GetObject', async (client) => {
    const { expiration } = await client.config.credentials()
    const expiresIn = urlLifetime(seconds, expiration)
    const expiresAt = new Date(Date.now() + expiresIn * 1000)
    return { url: await getSignedUrl(client, new GetObjectCommand(object), { expiresIn }), expiresAt }
  })
}

/** Seconds that a URL is valid: at most as long as the credentials that sign it. */
export function urlLifetime(seconds: number, credentialsEnd: Date | undefined, now = Date.now()): number {
  if (!credentialsEnd) return seconds
  return Math.max(1, Math.min(seconds, Math.floor((credentialsEnd.getTime() - now) / 1000)))
}

/** A note for the log if URLs expire earlier than configured. */
export async function urlNotes(bucket: Bucket, seconds: number): Promise<string[]> {
  const { expiration } = await bucket.attempt('s3:GetObject', (client) => client.config.credentials())
  const lifetime = urlLifetime(seconds, expiration)
  if (lifetime >= seconds) return []
  return [
    `The credentials for ${bucket.description} expire at ${expiration?.toISOString()}: URLs for servers are valid for ${lifetime} seconds instead of ${seconds} (urlExpiresIn). A server that retries later gets a new one.`,
  ]
}
