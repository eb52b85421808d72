import { once } from 'node:events'
import { request as open, type IncomingMessage, type ServerResponse } from 'node:http'
import type { StorageProxy } from '../../testbed/storage-proxy.js'

/**
 * What happens to a request: forwarded, answered with a status, forwarded with its response lost, or never answered.
 */
export type Fate = 'pass' | number | 'lose' | 'hang'

/** Decides the fate of each request to storage. Returns what happened, in order: `PUT lose`. */
export function decideFates(
  proxy: StorageProxy,
  target: string,
  decide: (request: IncomingMessage) => Fate,
): string[] {
  const happened: string[] = []
  proxy.interfere = async (request, response) => {
    const fate = decide(request)
    happened.push(`${request.method} ${fate}`)
    if (fate === 'pass') return false
    if (fate === 'lose') await loseAnswer(target, request, response)
    else request.resume()
    if (typeof fate === 'number') response.writeHead(fate).end()
    return true
  }
  return happened
}

async function loseAnswer(target: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { method, url = '/', headers } = request
  const upstream = open(new URL(url, target), { method, headers, setHost: false })
  request.pipe(upstream)
  const [answer] = (await once(upstream, 'response')) as [IncomingMessage]
  await once(answer.resume(), 'end')
  response.destroy()
}
