import { once } from 'node:events'
import { get as getHttp, type IncomingMessage } from 'node:http'
import { get as getHttps } from 'node:https'
import type { AddressSource } from '../transport/transport.js'
import { TransportError } from '../transport/transport-error.js'

/**
 * An object as this machine fetches it, for a server that can't fetch by itself.
 * @throws {TransportError} `E_STORAGE`
 */
export async function openOnThisMachine({ url, headers = {}, ca }: AddressSource): Promise<IncomingMessage> {
  const { host, protocol } = new URL(url)
  const request =
    protocol === 'https:' ? getHttps(url, { headers, ...(ca ? { ca } : {}) }) : getHttp(url, { headers })
  try {
    const [response] = (await once(request, 'response')) as [IncomingMessage]
    if (response.statusCode === 200) return response
    response.destroy()
    throw new TransportError(`${host} answers with status ${response.statusCode}: it refuses the archive.`)
  } catch (error) {
    if (error instanceof TransportError) throw error
    throw new TransportError(`${host} can't be reached: check the network of this machine.`, { cause: error })
  }
}
