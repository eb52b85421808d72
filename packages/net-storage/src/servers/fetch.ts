import {
  exitStatus,
  HostError,
  quote,
  type Facts,
  type Host,
  type Script,
  type Variables,
} from 'shipit-capistrano'
import type { Source, Transport } from '../transport/transport.js'
import { relay } from './relay.js'

/** Milliseconds. Clocks differ, and renewing a URL too early does no harm. */
const EXPIRY_MARGIN = 60_000

/** A stored object with known content. */
export interface KnownObject {
  readonly key: string
  /** Bytes. */
  readonly size: number
  readonly sha256: string
}

/** Settings for downloads. */
export interface DownloadSettings {
  readonly transport: Transport
  readonly retries: number
  readonly downloadTimeout?: number | undefined
  readonly downloadRateLimit?: number | undefined
  readonly downloadConnections: number
}

/**
 * Runs a script that uses `server/lib/fetch.sh` on a server, to fetch an object. If storage refuses the server because its
 * URL has expired, it resumes with a new one. If the server has neither curl nor GNU wget, the object is sent over ssh.
 */
export async function runFetching(
  host: Host,
  script: Script,
  { key, size, sha256 }: KnownObject,
  settings: DownloadSettings,
  log: (line: string) => void,
): Promise<Facts> {
  const { transport, retries, downloadTimeout, downloadRateLimit, downloadConnections } = settings
  const fetching = script.with({
    archive: key.slice(key.lastIndexOf('/') + 1),
    object: `${transport.description}/${key}`,
    size,
    sha256,
    delays: retryDelays(retries),
    timeout: downloadTimeout ?? '',
    rate_limit: downloadRateLimit ?? '',
    connections: downloadConnections,
  })
  // At least one, even without retries: the server may have waited for another deploy's download.
  for (let renewals = Math.max(1, retries); ; renewals -= 1) {
    const source = await transport.source(key)
    try {
      return await host.script(fetching.with({ relayed: '', ...sourceVariables(source) }))
    } catch (error) {
      if (error instanceof HostError && error.status === exitStatus('E_NO_DOWNLOADER') && 'url' in source) {
        log(
          `@${host.name} ${error.output}: sending it from this machine over ssh. Install curl on the server to avoid this.`,
        )
        return await relay(
          host,
          (input, from) =>
            host.script(fetching.with({ relayed: 1, delays: '', ...sourceVariables(from) }), { input }),
          {
            source: () => transport.source(key),
            retries,
            log,
          },
        )
      }
      if (
        renewals === 0 ||
        !(error instanceof HostError) ||
        error.status !== exitStatus('E_REFUSED') ||
        !hasExpired(source)
      )
        throw error
      log(`@${host.name} the URL has expired: retrying with a new one`)
    }
  }
}

/** Seconds to wait before each retry: random, up to 1, 2, 4…, so that servers do not retry at the same time. */
function retryDelays(retries: number): string {
  return Array.from({ length: retries }, (_, index) => (Math.random() * 2 ** index).toFixed(1)).join(' ')
}

function hasExpired(source: Source): boolean {
  if (!('url' in source) || !source.expiresAt) return false
  return Date.now() > source.expiresAt.getTime() - EXPIRY_MARGIN
}

/** The source as variables of `server/lib/download.sh`. They contain secrets: pass them over standard input only. */
function sourceVariables(source: Source): Variables {
  if ('command' in source) {
    const environment = Object.entries(source.environment ?? {}).map(
      ([name, value]) => `${name}=${quote(value)}`,
    )
    const command = [...environment, ...source.command.map((word) => quote(word))].join(' ')
    return { command, url: '', headers: '', curl_config: '', ca: '' }
  }
  const headers = Object.entries(source.headers ?? {}).map(([name, value]) => `${name}: ${value}`)
  const curl = [`url = ${curlQuote(source.url)}`, ...headers.map((header) => `header = ${curlQuote(header)}`)]
  return {
    command: '',
    url: source.url,
    headers: headers.join('\n'),
    curl_config: curl.join('\n'),
    ca: source.ca ?? '',
  }
}

function curlQuote(value: string): string {
  return `"${value.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`
}
