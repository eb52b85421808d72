import type { Variables } from 'shipit-capistrano'
import type { Source } from '../transport/transport.js'

/** How a server gets an object, as `server/stage.sh` wants it. Holds secrets: goes over standard input only. */
export function sourceVariables(source: Source, quote: (word: string) => string): Variables {
  if ('command' in source) {
    const environment = Object.entries(source.environment ?? {}).map(
      ([name, value]) => `${name}=${quote(value)}`,
    )
    const command = [...environment, ...source.command.map((word) => quote(word))].join(' ')
    return { command, url: '', headers: '', curl_config: '' }
  }
  const headers = Object.entries(source.headers ?? {}).map(([name, value]) => `${name}: ${value}`)
  const curl = [`url = ${curlQuote(source.url)}`, ...headers.map((header) => `header = ${curlQuote(header)}`)]
  return { command: '', url: source.url, headers: headers.join('\n'), curl_config: curl.join('\n') }
}

function curlQuote(value: string): string {
  return `"${value.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`
}
