import type { S3ClientConfig } from '@aws-sdk/client-s3'
import { readFile } from 'node:fs/promises'
import { Agent } from 'node:https'
import { TransportError } from 'shipit-net-storage'
import type { S3ClientOptions } from './s3-client.js'

/** Same as the SDK's own agents. */
const AGENT = { keepAlive: true, maxSockets: 50 }

/**
 * Adds the proxy from `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY`, which the SDK ignores, and the certificates
 * from `caFile`.
 * @param url URL of the storage
 */
export async function requestHandler(
  url: string,
  options: Pick<S3ClientOptions, 'caFile'>,
): Promise<NonNullable<S3ClientConfig['requestHandler']>> {
  const ca = await certificates(options)
  const trust = ca ? { ...AGENT, ca } : AGENT
  const { getProxyForUrl } = await import('proxy-from-env')
  const proxy = getProxyForUrl(url)
  if (!proxy) return { connectionTimeout: 5000, ...(ca ? { httpsAgent: new Agent(trust) } : {}) }
  const { HttpsProxyAgent } = await import('https-proxy-agent')
  // Tunnels http and https alike.
  const agent = new HttpsProxyAgent(proxy, trust)
  return { connectionTimeout: 5000, httpAgent: agent, httpsAgent: agent }
}

/** The content of `caFile`. @throws {TransportError} `E_S3_OPTIONS` if it can't be read */
export async function certificates({ caFile }: Pick<S3ClientOptions, 'caFile'>): Promise<string | undefined> {
  if (caFile === undefined) return undefined
  return readFile(caFile, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new TransportError(
      `Invalid S3 options: caFile: can't read ${caFile} (${error.code}): correct the path or the file's permissions.`,
      { code: 'E_S3_OPTIONS' },
    )
  })
}
