import { once } from 'node:events'
import {
  createServer,
  request as open,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { Transform } from 'node:stream'

/** A proxy in front of an S3 service that can inject faults. */
export class StorageProxy {
  /** The requests so far. */
  readonly requests: IncomingMessage[] = []
  /** Number of requests in progress. */
  active = 0
  /** Answers a request in place of the service, or returns false to let it through. */
  interfere: (request: IncomingMessage, response: ServerResponse) => boolean | Promise<boolean> = () => false
  /** Changes a request's body on its way. */
  tamper: ((request: IncomingMessage, chunk: Buffer) => Buffer) | undefined

  private constructor(
    readonly endpoint: string,
    private readonly server: Server,
  ) {}

  /** @param tls key and certificate (PEM), to speak HTTPS */
  static async start(target: string, tls?: { key: string; cert: string }): Promise<StorageProxy> {
    const listener = (request: IncomingMessage, response: ServerResponse): void => {
      proxy.requests.push(request)
      proxy.active += 1
      response.once('close', () => (proxy.active -= 1))
      void proxy.pass(target, request, response)
    }
    const server = (tls ? createSecureServer(tls, listener) : createServer(listener)).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const proxy = new StorageProxy(
      `${tls ? 'https' : 'http'}://127.0.0.1:${(server.address() as AddressInfo).port}`,
      server,
    )
    return proxy
  }

  /** Counts requests by method and a part of their URL. */
  count(method: string, part: string): number {
    return this.requests.filter((each) => each.method === method && each.url?.includes(part)).length
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections()
    this.server.close()
    await once(this.server, 'close')
  }

  private async pass(target: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (await this.interfere(request, response)) return
    const { method, url = '/', headers } = request
    // The signature covers the Host header that the client sent.
    const upstream = open(new URL(url, target), { method, headers, setHost: false }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(response)
    })
    upstream.once('error', () => response.destroy())
    request.once('close', () => (request.complete ? undefined : upstream.destroy()))
    const { tamper } = this
    const content = tamper
      ? request.pipe(
          new Transform({ transform: (chunk: Buffer, _, done) => done(null, tamper(request, chunk)) }),
        )
      : request
    content.pipe(upstream)
  }
}
