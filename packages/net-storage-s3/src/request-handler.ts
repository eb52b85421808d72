import type { S3ClientConfig } from '@aws-sdk/client-s3'
import { readFile } from 'node:fs/promises'
import { Agent } from 'node:https'
import { TransportError } from 'shipit-net-storage'
import type { S3ClientOptions } from './s3-client.js'

/** As the SDK's own agents. */
const AGENT = { keepAlive: true, maxSockets: 50 }

/**
 * How requests leave this machine: through the proxy that `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` name, which
 * the SDK does not know by itself, and with the certificates of `caFile`.
 * @param address where they go
 */
export async function requestHandler(
  address: string,
  options: Pick<S3ClientOptions, 'caFile'>,
): Promise<NonNullable<S3ClientConfig['requestHandler']>> {
  const ca = await certificates(options)
  const trust = ca ? { ...AGENT, ca } : AGENT
  const { getProxyForUrl } = await import('proxy-from-env')
  const proxy = getProxyForUrl(address)
  if (!proxy) return { connectionTimeout: 5000, ...(ca ? { httpsAgent: new Agent(trust) } : {}) }
  const { HttpsProxyAgent } = await import('https-proxy-agent')
  // It opens a tunnel, whatever goes through it.
  const agent = new HttpsProxyAgent(proxy, trust)
  return { connectionTimeout: 5000, httpAgent: agent, httpsAgent: agent }
}

/** The content of `caFile`. @throws {TransportError} `E_S3_OPTIONS` if it can't be read */
export async function certificates({ caFile }: Pick<S3ClientOptions, 'caFile'>): Promise<string | undefined> {
  if (caFile === undefined) return undefined
  return readFile(caFile, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new TransportError(
      `Options for S3: caFile: ${caFile} can't be read (${error.code}): correct the path, or its permissions.`,
      { code: 'E_S3_OPTIONS' },
    )
  })
}
