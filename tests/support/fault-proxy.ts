import { once } from 'node:events'
import { createServer, request, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/**
 * What happens to a request: it is passed on; answered with a status instead; passed on, with the answer lost; or never
 * answered.
 */
export type Fate = 'pass' | number | 'lose' | 'hang'

/** Stands in front of an HTTP server, and breaks what it is told to. */
export class FaultProxy {
  /** Decides on each request. */
  decide: (request: IncomingMessage) => Fate = () => 'pass'
  /** What was asked, in order: `PUT pass`. */
  readonly seen: string[] = []

  private constructor(
    private readonly server: Server,
    readonly url: string,
  ) {}

  static async start(target: string): Promise<FaultProxy> {
    const server = createServer((incoming, outgoing) => proxy.handle(incoming, outgoing, target))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const proxy = new FaultProxy(server, `http://127.0.0.1:${(server.address() as AddressInfo).port}`)
    return proxy
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections()
    this.server.close()
    await once(this.server, 'close')
  }

  private handle(incoming: IncomingMessage, outgoing: ServerResponse, target: string): void {
    const fate = this.decide(incoming)
    this.seen.push(`${incoming.method} ${fate}`)
    if (fate === 'hang') {
      incoming.resume()
      return
    }
    if (typeof fate === 'number') {
      incoming.resume()
      outgoing.writeHead(fate).end()
      return
    }
    const { method, url = '/', headers } = incoming
    const { hostname, port } = new URL(target)
    const forward = request({ hostname, port, path: url, method, headers }, (answer) => {
      if (fate === 'lose') {
        answer.resume().once('end', () => {
          outgoing.destroy()
        })
        return
      }
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(outgoing)
    })
    forward.once('error', () => outgoing.destroy())
    incoming.pipe(forward)
  }
}
