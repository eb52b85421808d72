import { once } from 'node:events'
import { get as getHttp, type IncomingMessage } from 'node:http'
import { get as getHttps } from 'node:https'
import { setTimeout as pause } from 'node:timers/promises'
import { HostError, type Host } from 'shipit-capistrano'
import type { AddressSource, Source } from '../transport/transport.js'
import { TransportError } from '../transport/transport-error.js'

/** Options of {@link relay}. */
export interface RelayOptions {
  /** Asked before each try. */
  readonly source: () => Promise<Source>
  /** Further tries. */
  readonly retries: number
  readonly log: (line: string) => void
}

/**
 * Sends a server an object that this machine fetches for it. When storage breaks off in the middle, it begins again.
 * @throws {HostError} `E_SERVER` with what storage did, once there are no tries left; what `send` rejects with
 */
export async function relay<T>(
  host: Host,
  send: (input: AsyncIterable<Uint8Array>, source: AddressSource) => Promise<T>,
  { source, retries, log }: RelayOptions,
): Promise<T> {
  for (let attempt = 0; ; attempt += 1) {
    let broken: unknown
    try {
      const from = await source()
      if (!('url' in from)) throw new TransportError('storage gives no address any more.')
      const response = await openOnThisMachine(from)
      const input = (async function* (): AsyncGenerator<Uint8Array> {
        try {
          yield* response as AsyncIterable<Uint8Array>
        } catch (error) {
          broken = error
          throw error
        }
      })()
      return await send(input, from)
    } catch (error) {
      broken ??= error instanceof TransportError ? error : undefined
      if (broken === undefined) throw error
      const reason = broken instanceof Error ? broken.message : 'for reasons unknown'
      const output = `could not be sent the archive: storage broke off (${reason.replace(/\.$/, '')})`
      if (attempt === retries)
        throw new HostError({ code: 'E_SERVER', host: host.name, status: null, output, cause: broken })
      log(`@${host.name} ${output}; trying again, ${attempt + 1} of ${retries}`)
      await pause(Math.random() * 2 ** attempt * 1000)
    }
  }
}

/**
 * An object as this machine fetches it, for a server that can't fetch by itself.
 * @throws {TransportError} `E_STORAGE`
 */
async function openOnThisMachine({ url, headers = {}, ca }: AddressSource): Promise<IncomingMessage> {
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
