import type { AddressSource } from 'shipit-net-storage'
import type { Bucket } from './bucket.js'

/** An address that gets one object for a while, without credentials. */
export async function presignedGet(bucket: Bucket, key: string, seconds: number): Promise<AddressSource> {
  const [{ GetObjectCommand }, { getSignedUrl }] = await Promise.all([
    import('@aws-sdk/client-s3'),
    import('@aws-sdk/s3-request-presigner'),
  ])
  const object = bucket.object(key)
  return bucket.attempt('s3:GetObject', async (client) => {
    const { expiration } = await client.config.credentials()
    const expiresIn = addressLifetime(seconds, expiration)
    const expiresAt = new Date(Date.now() + expiresIn * 1000)
    return { url: await getSignedUrl(client, new GetObjectCommand(object), { expiresIn }), expiresAt }
  })
}

/** Seconds that an address lives: no longer than the credentials that it is signed with. */
export function addressLifetime(seconds: number, credentialsEnd: Date | undefined, now = Date.now()): number {
  if (!credentialsEnd) return seconds
  return Math.max(1, Math.min(seconds, Math.floor((credentialsEnd.getTime() - now) / 1000)))
}

/** What people should know of an address's life, if it is shorter than it was set. */
export async function addressNotes(bucket: Bucket, seconds: number): Promise<string[]> {
  const { expiration } = await bucket.attempt('s3:GetObject', (client) => client.config.credentials())
  const lifetime = addressLifetime(seconds, expiration)
  if (lifetime >= seconds) return []
  return [
    `The credentials for ${bucket.description} end at ${expiration?.toISOString()}: addresses for servers live ${lifetime} seconds instead of ${seconds} (urlExpiresIn). A server that tries again later is given a new one.`,
  ]
}
