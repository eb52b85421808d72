import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { transportContract } from '../testing/transport-contract.js'
import { DirectoryTransport } from './directory-transport.js'
import { tracedTransport } from './traced-transport.js'
import { Transport, type UrlSource } from './transport.js'

const { lines } = vi.hoisted(() => ({ lines: [] as string[] }))
vi.mock('node:util', async (original) => {
  const util = await original<typeof import('node:util')>()
  const debuglog = (section: string) =>
    Object.assign((...words: unknown[]) => lines.push(`${section} ${util.format(...words)}`), {
      enabled: true,
    })
  return { ...util, debuglog }
})

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'traced-transport-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))
beforeEach(() => void (lines.length = 0))

const create = async (): Promise<Transport> =>
  tracedTransport(new DirectoryTransport({ path: await mkdtemp(join(folder, 'storage-')) }))

describe('a traced transport', () => {
  transportContract({
    it,
    create,
    createBroken: async () => tracedTransport(new DirectoryTransport({ path: join(folder, 'missing') })),
  })
})

it('logs each call with its key and bytes', async () => {
  const transport = await create()
  const stream = async function* (): AsyncGenerator<Uint8Array> {
    yield Buffer.alloc(1000)
    yield Buffer.alloc(500)
  }
  await transport.put('archives/a', stream())
  await transport.put('b', Buffer.from('four'))
  await transport.put('b', Buffer.from('four'), { ifAbsent: true })
  await transport.get('b')
  await transport.get('c')
  await transport.stat('archives/a')
  for await (const { key } of transport.list('archives/')) expect(key).toBe('archives/a')
  await transport.source('archives/a')
  await transport.remove(['archives/a', 'b'])
  expect(lines.map((line) => line.replace(/\d+ ms$/, 'N ms'))).toEqual([
    'shipit-storage put archives/a: 1500 bytes, N ms',
    'shipit-storage put b: 4 bytes, N ms',
    'shipit-storage put b: not stored, already exists, N ms',
    'shipit-storage get b: 4 bytes, N ms',
    'shipit-storage get c: absent, N ms',
    'shipit-storage stat archives/a: 1500 bytes, N ms',
    'shipit-storage list archives/: 1 objects, N ms',
    'shipit-storage source archives/a: done, N ms',
    'shipit-storage remove archives/a b: done, N ms',
  ])
})

/** With a secret in everything it returns, and private fields. */
class Secretive extends DirectoryTransport {
  #asked = 0
  override readonly isExclusive = false

  override async source(): Promise<UrlSource> {
    this.#asked += 1
    return { url: `https://s3.example.com/a?signature=s3cr3t${this.#asked}`, headers: { token: 's3cr3t' } }
  }

  override async get(): Promise<never> {
    throw Object.assign(new Error('s3cr3t'), { name: 'E_STORAGE' })
  }
}

it('logs no URLs or errors, and leaves the rest of the transport unchanged', async () => {
  const inner = new Secretive({ path: folder })
  const transport = tracedTransport(inner)
  expect(await transport.source('a')).toMatchObject({ url: expect.stringContaining('s3cr3t1') })
  await expect(transport.get('a')).rejects.toThrow('s3cr3t')
  expect(lines.join('\n')).not.toContain('s3cr3t')
  expect(lines).toHaveLength(2)
  expect(transport).toBeInstanceOf(Transport)
  expect(transport.isExclusive).toBe(false)
  expect(transport).not.toHaveProperty('removeUnfinished')
  expect(transport.description).toBe(folder)
  expect(await transport.lock?.()).toMatchObject(await inner.lock())
})
