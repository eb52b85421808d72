import { once } from 'node:events'
import { get as getHttp, type IncomingMessage } from 'node:http'
import { get as getHttps } from 'node:https'
import { setTimeout as pause } from 'node:timers/promises'
import { HostError, messageOf, type Host } from 'shipit-capistrano'
import type { UrlSource, Source } from '../transport/transport.js'
import { TransportError } from '../transport/transport-error.js'

/** Options of {@link relay}. */
export interface RelayOptions {
  /** Called before each attempt. */
  readonly source: () => Promise<Source>
  readonly retries: number
  readonly log: (line: string) => void
}

/**
 * Sends a server an object that this machine fetches for it. If the download fails midway, it starts again.
 * @throws {HostError} `E_SERVER` with storage's error after the last retry; what `send` rejects with
 */
export async function relay<T>(
  host: Host,
  send: (input: AsyncIterable<Uint8Array>, source: UrlSource) => Promise<T>,
  { source, retries, log }: RelayOptions,
): Promise<T> {
  for (let attempt = 0; ; attempt += 1) {
    let broken: unknown
    try {
      const from = await source()
      if (!('url' in from)) throw new TransportError('storage no longer returns a URL.')
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
      const output = `cannot relay the archive: download from storage failed (${messageOf(broken).replace(/\.$/, '')})`
      if (attempt === retries)
        throw new HostError({ code: 'E_SERVER', host: host.name, status: null, output, cause: broken })
      log(`@${host.name} ${output}; retrying (${attempt + 1} of ${retries})`)
      await pause(Math.random() * 2 ** attempt * 1000)
    }
  }
}

/** Starts to download an object on this machine. @throws {TransportError} `E_STORAGE` */
async function openOnThisMachine({ url, headers = {}, ca }: UrlSource): Promise<IncomingMessage> {
  const { host, protocol } = new URL(url)
  const request =
    protocol === 'https:' ? getHttps(url, { headers, ...(ca ? { ca } : {}) }) : getHttp(url, { headers })
  try {
    const [response] = (await once(request, 'response')) as [IncomingMessage]
    if (response.statusCode === 200) return response
    response.destroy()
    throw new TransportError(`${host} refused the archive with status ${response.statusCode}.`)
  } catch (error) {
    if (error instanceof TransportError) throw error
    throw new TransportError(`Can't reach ${host}: check the network of this machine.`, { cause: error })
  }
}
