import { mkdtemp, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { DirectoryTransport } from '../transport/directory-transport.js'
import { ArchiveStore } from './archive-store.js'
import type { Manifest } from './manifest.js'

let path: string
let transport: DirectoryTransport
let releases: number
beforeEach(async () => {
  path = await mkdtemp(join(tmpdir(), 'store-'))
  transport = new DirectoryTransport({ path })
  releases = 0
})
afterEach(async () => {
  vi.useRealTimers()
  await rm(path, { recursive: true })
})

const application = (name: string): ArchiveStore => new ArchiveStore(transport, name)

/** Stores an archive, each for a later release. */
async function store(of: ArchiveStore, revision: string, replace = false): Promise<Manifest> {
  const release = String(20260101000000 + (releases += 1))
  const content = (async function* () {
    yield Buffer.from(`${revision} ${release}`)
  })()
  const archiver = { format: 'tar.gz', contentType: 'application/gzip' }
  const identity = { revision, revisionTime: 1, release, createdBy: 'me', builtWith: {} }
  const { signal } = new AbortController()
  return of.store(content, identity, { replace, archiver, unpackedSize: 1, signal })
}

async function keys(): Promise<string[]> {
  const found: string[] = []
  for await (const { key } of transport.list('')) found.push(key)
  return found.toSorted()
}

/** Makes an object older than a day. */
const age = (key: string): Promise<void> => utimes(join(path, key), 1, 1)

const key = (manifest: Manifest): string => manifest.parts[0]?.key ?? ''

it('separates archives of the same commit for applications that share a prefix', async () => {
  const [shop, admin] = [application('shop'), application('admin/ü')]
  const first = await store(shop, 'aaa')
  expect(await admin.find('aaa')).toMatchObject({ absent: true })
  const second = await store(admin, 'aaa')
  expect(await shop.find('aaa')).toEqual({ manifest: first })
  expect(await admin.find('aaa')).toEqual({ manifest: second })

  const third = await store(admin, 'aaa', true)
  expect(await shop.find('aaa')).toEqual({ manifest: first })
  expect(await admin.find('aaa')).toEqual({ manifest: third })

  // Each cleans up only its own.
  await store(shop, 'bbb')
  expect(await shop.clean(1, new Set())).toEqual(['manifests/aaa.json', key(first)])
  expect(await shop.find('aaa')).toMatchObject({ absent: true })
  expect(await admin.find('aaa')).toEqual({ manifest: third })
})

it('uses the archive of another machine that was first', async () => {
  const shop = application('shop')
  const first = await store(shop, 'aaa')
  expect(await store(shop, 'aaa')).toEqual(first)
  expect(await keys()).toEqual([key(first), 'manifests/aaa.json'])
})

it('removes archives without a manifest after a day, unless they may be in use', async () => {
  const shop = application('shop')
  const replaced = key(await store(shop, 'aaa'))
  const current = key(await store(shop, 'aaa', true))
  const orphans = [
    'archives/bbb-1.tar.gz',
    'archives/ccc-1.tar.gz',
    'archives/ddd-1.tar.gz',
    'archives/eee-1.tar.gz',
  ]
  for (const each of orphans) await transport.put(each, Buffer.from('x'))
  await transport.put('manifests/ccc.json', Buffer.from('{ "version": 2 }'))
  for (const each of [replaced, ...orphans.slice(0, 3)]) await age(each)

  expect(await shop.clean(1, new Set(['ddd']))).toEqual([replaced, 'archives/bbb-1.tar.gz'])
  expect(await keys()).toEqual(
    [current, ...orphans.slice(1), 'manifests/aaa.json', 'manifests/ccc.json'].toSorted(),
  )
})

it('keeps the newest archives, and those in use', async () => {
  const shop = application('shop')
  vi.useFakeTimers({ toFake: ['Date'] })
  const all: Manifest[] = []
  for (const revision of ['aaa', 'bbb', 'ccc', 'ddd']) {
    all.push(await store(shop, revision))
    vi.setSystemTime(Date.now() + 1000)
  }
  expect(await shop.clean(2, new Set(['aaa']))).toEqual(['manifests/bbb.json', ...all.slice(1, 2).map(key)])
})

it('reports why an archive cannot be deployed', async () => {
  const shop = application('shop')
  const manifest = await store(shop, 'aaa')
  expect(await shop.find('aaa', { node: 'v20' })).toEqual({
    reason: 'the archive in storage does not match: node was not set, now v20',
    absent: false,
  })
  await writeFile(join(path, key(manifest)), 'cut')
  expect(await shop.find('aaa')).toMatchObject({
    reason: expect.stringMatching(/has 3 bytes instead of \d+$/),
  })
  await transport.remove([key(manifest)])
  expect(await shop.find('aaa')).toMatchObject({ reason: `${key(manifest)} is missing from storage` })
  await writeFile(join(path, 'manifests/aaa.json'), '{')
  expect(await shop.find('aaa')).toMatchObject({ reason: expect.stringContaining('another version') })
})
