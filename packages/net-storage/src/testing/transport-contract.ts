import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { promisify } from 'node:util'
import type { Source, StoredObject, Transport } from '../transport/transport.js'

/** Options of {@link transportContract}. */
export interface TransportContractOptions {
  /** The test runner's `it` or `test`: vitest's, jest's, mocha's, `node:test`'s. */
  readonly it: (name: string, run: () => Promise<void>) => unknown
  /** A transport for one test, with real storage that contains nothing of other tests. */
  readonly create: () => Promise<Transport>
  /** A transport whose storage is missing or refuses access. Its `check` has to report that. */
  readonly createBroken: () => Promise<Transport>
}

const MEBIBYTE = 1 << 20

/**
 * The tests that every transport has to pass, for any runner. A transport's test is one call:
 *
 * ```ts
 * transportContract({ it, create: async () => new MyTransport(…), createBroken: async () => new MyTransport(…) })
 * ```
 */
export function transportContract({ it, create, createBroken }: TransportContractOptions): void {
  const test = (name: string, run: (transport: Transport) => Promise<void>): unknown =>
    it(name, async () => run(await create()))

  test('stores an object from memory and reads it, byte for byte', async (transport) => {
    const content = randomBytes(100_000)
    assert.equal(await transport.put('archives/one.tar.gz', content), true)
    assert.deepEqual(await text(transport, 'archives/one.tar.gz'), content.toString('base64'))
  })

  test('stores a stream of any size, and returns its metadata', async (transport) => {
    const chunk = randomBytes(MEBIBYTE)
    const before = Date.now()
    await transport.put('archives/long', repeat(chunk, 20))
    const found = await transport.stat('archives/long')
    assert.equal(found?.key, 'archives/long')
    assert.equal(found?.size, 20 * MEBIBYTE)
    // Storage counts in seconds, and has its own clock.
    assert.ok(Math.abs(found.modifiedAt.getTime() - before) < 60_000, String(found.modifiedAt))
    const fetched = await download(await transport.source('archives/long'))
    assert.ok(fetched.equals(Buffer.concat(Array.from({ length: 20 }, () => chunk))))
  })

  test('stores empty objects, from memory and from a stream', async (transport) => {
    await transport.put('empty/memory', new Uint8Array())
    await transport.put('empty/stream', repeat(new Uint8Array(), 0))
    for (const key of ['empty/memory', 'empty/stream']) {
      assert.equal((await transport.stat(key))?.size, 0)
      assert.equal(await text(transport, key), '')
    }
  })

  test('finds no object that was never stored', async (transport) => {
    assert.equal(await transport.stat('never/stored'), undefined)
    assert.equal(await transport.get('never/stored'), undefined)
    assert.deepEqual(await keys(transport, 'never/'), [])
    await transport.remove(['never/stored'])
  })

  test('does not treat a folder as an object', async (transport) => {
    await transport.put('folder/object', Buffer.from('x'))
    assert.equal(await transport.stat('folder'), undefined)
    assert.equal(await transport.get('folder'), undefined)
  })

  test('replaces the whole object', async (transport) => {
    await transport.put('manifests/a.json', Buffer.from('first, and longer'))
    assert.equal(await transport.put('manifests/a.json', Buffer.from('second')), true)
    assert.equal(await text(transport, 'manifests/a.json'), Buffer.from('second').toString('base64'))
  })

  test('does not replace an existing object with ifAbsent', async (transport) => {
    assert.equal(await transport.put('manifests/a.json', Buffer.from('first'), { ifAbsent: true }), true)
    assert.equal(await transport.put('manifests/a.json', Buffer.from('second'), { ifAbsent: true }), false)
    assert.equal(
      await transport.put('manifests/a.json', repeat(Buffer.from('third'), 1), { ifAbsent: true }),
      false,
    )
    assert.equal(await text(transport, 'manifests/a.json'), Buffer.from('first').toString('base64'))
  })

  test('lists objects by prefix, more than a page of them', async (transport) => {
    const names = Array.from({ length: 1005 }, (_, index) => `many/${index}`)
    for (let from = 0; from < names.length; from += 50) {
      await Promise.all(names.slice(from, from + 50).map((key) => transport.put(key, Buffer.from(key))))
    }
    await transport.put('manifold', Buffer.from('another'))
    assert.deepEqual(await keys(transport, 'many/'), names.toSorted())
    assert.deepEqual(await keys(transport, 'mani'), ['manifold'])
    const [one] = await objects(transport, 'many/1004')
    assert.equal(one?.size, 'many/1004'.length)
    await transport.remove(names)
    assert.deepEqual(await keys(transport, ''), ['manifold'])
  })

  test('keeps nothing of an upload whose source fails, and rejects with the same error', async (transport) => {
    const broken = new Error('the source broke')
    const source = async function* (): AsyncGenerator<Uint8Array> {
      yield* repeat(randomBytes(MEBIBYTE), 12)
      throw broken
    }
    await assert.rejects(transport.put('archives/broken', source()), broken)
    assert.deepEqual(await keys(transport, ''), [])
  })

  test('keeps nothing of a cancelled upload', async (transport) => {
    const abort = new AbortController()
    const reason = new Error('cancelled')
    const source = async function* (): AsyncGenerator<Uint8Array> {
      yield* repeat(randomBytes(MEBIBYTE), 12)
      abort.abort(reason)
      yield* repeat(randomBytes(MEBIBYTE), 12)
    }
    await assert.rejects(transport.put('archives/cancelled', source(), { signal: abort.signal }), reason)
    await assert.rejects(
      transport.put('archives/cancelled', Buffer.from('x'), { signal: abort.signal }),
      reason,
    )
    assert.deepEqual(await keys(transport, ''), [])
  })

  test('rejects keys that could leave the storage', async (transport) => {
    for (const key of [
      '',
      '/etc/passwd',
      '../up',
      'a/../b',
      'a//b',
      '.hidden',
      'a/.hidden',
      'a b',
      'a\nb',
      'ü',
    ]) {
      const refused = { code: 'E_KEY' }
      await assert.rejects(transport.put(key, Buffer.from('x')), refused, key)
      await assert.rejects(transport.get(key), refused, key)
      await assert.rejects(transport.stat(key), refused, key)
      await assert.rejects(transport.remove([key]), refused, key)
      await assert.rejects(transport.source(key), refused, key)
    }
  })

  test('passes its check on usable storage, and leaves nothing behind', async (transport) => {
    await transport.check()
    assert.deepEqual(await keys(transport, ''), [])
  })

  it('says what to do if storage is missing, without a stack', async () => {
    const transport = await createBroken()
    await assert.rejects(transport.check(), (error: Error & { code?: unknown; showStack?: unknown }) => {
      assert.match(String(error.code), /^E_/)
      assert.equal(error.showStack, false)
      assert.ok(error.message.length > 20, error.message)
      return true
    })
  })
}

async function* repeat(chunk: Uint8Array, times: number): AsyncGenerator<Uint8Array> {
  for (let index = 0; index < times; index += 1) yield chunk
}

async function text(transport: Transport, key: string): Promise<string | undefined> {
  const content = await transport.get(key)
  return content && Buffer.from(content).toString('base64')
}

async function objects(transport: Transport, prefix: string): Promise<StoredObject[]> {
  const found: StoredObject[] = []
  for await (const each of transport.list(prefix)) found.push(each)
  return found
}

async function keys(transport: Transport, prefix: string): Promise<string[]> {
  return (await objects(transport, prefix)).map(({ key }) => key).toSorted()
}

/** Downloads an object like a server. */
async function download(source: Source): Promise<Buffer> {
  if ('url' in source) {
    const response = await fetch(source.url, source.headers ? { headers: source.headers } : {})
    assert.equal(response.status, 200)
    return Buffer.from(await response.arrayBuffer())
  }
  const [command = '', ...args] = source.command
  const { stdout } = await promisify(execFile)(command, args, {
    encoding: 'buffer',
    maxBuffer: Infinity,
    env: { ...process.env, ...source.environment },
  })
  return stdout
}
