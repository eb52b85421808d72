// A complete transport: keeps archives on any server that accepts PUT and DELETE, such as nginx with its dav module.
// Explained in docs/write-a-transport.md, tested in tests/net-storage/webdav-transport.test.ts.
import {
  assertKey,
  Transport,
  TransportError,
  type PutOptions,
  type Source,
  type StoredObject,
} from 'shipit-net-storage'

export interface WebDavTransportOptions {
  /** URL of the folder: `https://files.example.com/deploys`. */
  readonly url: string
  readonly user: string
  readonly password: string
}

/** An entry of nginx's `autoindex_format json`. */
interface Listed {
  readonly name: string
  readonly type: 'file' | 'directory'
  readonly mtime: string
  readonly size?: number
}

export class WebDavTransport extends Transport {
  readonly description: string
  private readonly headers: Readonly<Record<string, string>>

  constructor(private readonly options: WebDavTransportOptions) {
    super()
    this.description = options.url
    const credentials = Buffer.from(`${options.user}:${options.password}`).toString('base64')
    this.headers = { authorization: `Basic ${credentials}` }
  }

  async check(): Promise<void> {
    const key = `checks/${crypto.randomUUID()}`
    await this.put(key, Buffer.from('check'))
    await this.get(key)
    await this.remove([key])
  }

  async stat(key: string): Promise<StoredObject | undefined> {
    const { status, headers } = await this.request('HEAD', key, [200, 301, 404])
    if (status !== 200) return undefined
    const modifiedAt = new Date(headers.get('last-modified') ?? 0)
    return { key, size: Number(headers.get('content-length')), modifiedAt }
  }

  async put(
    key: string,
    body: AsyncIterable<Uint8Array> | Uint8Array,
    { ifAbsent = false, signal }: PutOptions = {},
  ): Promise<boolean> {
    signal?.throwIfAborted()
    if (ifAbsent && (await this.stat(key))) return false
    // If reading the body fails, reject with that error, not with the storage's.
    let sourceError: { readonly error: unknown } | undefined
    const watched = async function* (chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
      try {
        yield* chunks
      } catch (error) {
        sourceError = { error }
        throw error
      }
    }
    const content = body instanceof Uint8Array ? body : ReadableStream.from(watched(body))
    try {
      await this.request('PUT', key, [200, 201, 204], {
        body: content,
        duplex: 'half',
        ...(signal ? { signal } : {}),
      })
      return true
    } catch (error) {
      signal?.throwIfAborted()
      throw sourceError ? sourceError.error : error
    }
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    const response = await this.request('GET', key, [200, 301, 404])
    return response.status === 200 ? new Uint8Array(await response.arrayBuffer()) : undefined
  }

  async *list(prefix: string): AsyncGenerator<StoredObject> {
    for await (const found of this.walk('')) if (found.key.startsWith(prefix)) yield found
  }

  async remove(keys: readonly string[]): Promise<void> {
    for (const key of keys) await this.request('DELETE', key, [200, 204, 404])
  }

  /** Servers fetch with a header, which reaches them over standard input and is never logged. */
  async source(key: string): Promise<Source> {
    assertKey(key)
    return { url: `${this.options.url}/${key}`, headers: this.headers }
  }

  private async *walk(folder: string): AsyncGenerator<StoredObject> {
    const response = await this.fetch('GET', `${folder}?list`, [200, 404])
    if (response.status === 404) return
    for (const { name, type, mtime, size = 0 } of (await response.json()) as Listed[]) {
      if (type === 'directory') yield* this.walk(`${folder}${name}/`)
      else yield { key: folder + name, size, modifiedAt: new Date(mtime) }
    }
  }

  private async request(
    method: string,
    key: string,
    expected: readonly number[],
    options: RequestInit & { duplex?: 'half' } = {},
  ): Promise<Response> {
    assertKey(key)
    return this.fetch(method, key, expected, options)
  }

  private async fetch(
    method: string,
    path: string,
    expected: readonly number[],
    options: RequestInit & { duplex?: 'half' } = {},
  ): Promise<Response> {
    const { url } = this.options
    let response: Response
    try {
      response = await fetch(`${url}/${path}`, {
        redirect: 'manual',
        ...options,
        method,
        headers: this.headers,
      })
    } catch (error) {
      throw new TransportError(`Can't reach ${url}: check the URL and the network.`, {
        cause: error,
      })
    }
    if (expected.includes(response.status)) return response
    const advice =
      response.status === 401 || response.status === 403
        ? "check the user, the password and the user's permissions"
        : "check that server's log"
    throw new TransportError(`${url}: ${method} returned status ${response.status}: ${advice}.`)
  }
}
