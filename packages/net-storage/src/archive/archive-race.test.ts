import { createHash } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { DirectoryTransport } from '../transport/directory-transport.js'
import type { PutOptions } from '../transport/transport.js'
import { ArchiveStore } from './archive-store.js'
import { parseManifest, type Manifest } from './manifest.js'

/** Without conditional writes: two concurrent writers both find nothing, and both write. */
class Unconditional extends DirectoryTransport {
  override readonly isExclusive = false
  private readonly waiting: (() => void)[] = []

  override async put(key: string, body: Uint8Array | AsyncIterable<Uint8Array>, options: PutOptions = {}) {
    const { ifAbsent = false, ...rest } = options
    if (ifAbsent) {
      const isThere = await this.stat(key)
      await this.together()
      if (isThere) return false
    }
    return super.put(key, body, rest)
  }

  /** Resolves once two callers wait. */
  private together(): Promise<void> {
    return new Promise((resolve) => {
      this.waiting.push(resolve)
      if (this.waiting.length === 2) for (const each of this.waiting.splice(0)) each()
    })
  }
}

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'archive-store-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const REVISION = 'a'.repeat(40)

/** Two machines build the same commit in the same second, with different results. */
function storeTwice(transport: DirectoryTransport, replace: boolean): Promise<Manifest[]> {
  const store = async (machine: string): Promise<Manifest> => {
    const content = async function* (): AsyncGenerator<Uint8Array> {
      yield Buffer.from(`built on ${machine}`)
    }
    const identity = { revision: REVISION, revisionTime: 1, release: '20261124000000', createdBy: machine }
    return new ArchiveStore(transport, 'shop').store(content(), identity, {
      replace,
      archiver: { format: 'tar', contentType: 'application/x-tar' },
      unpackedSize: 20,
      signal: new AbortController().signal,
    })
  }
  return Promise.all([store('one'), store('two')])
}

/** The archive matches its manifest. */
async function expectWhole(transport: DirectoryTransport, manifest: Manifest | undefined): Promise<void> {
  const [part] = manifest?.parts ?? []
  const content = await transport.get(part?.key ?? '')
  expect(
    createHash('sha256')
      .update(content ?? '')
      .digest('hex'),
  ).toBe(part?.sha256)
}

async function stored(
  transport: DirectoryTransport,
): Promise<{ keys: string[]; manifest: Manifest | undefined }> {
  const keys: string[] = []
  for await (const { key } of transport.list('archives/')) keys.push(key)
  const content = await transport.get(`manifests/${REVISION}.json`)
  return { keys, manifest: content && parseManifest(content) }
}

describe('two machines that build the same commit in the same second', () => {
  it('both deploy the archive whose manifest was written first, and remove the other', async () => {
    const transport = new DirectoryTransport({ path: folder })
    const [one, two] = await storeTwice(transport, false)
    expect(one).toEqual(two)
    const { keys, manifest } = await stored(transport)
    expect(manifest).toEqual(one)
    expect(keys).toEqual([one?.parts[0]?.key])
    await expectWhole(transport, manifest)
  })

  it('each deploy their own when replacing an existing archive, and the last manifest is valid', async () => {
    const transport = new DirectoryTransport({ path: folder })
    const manifests = await storeTwice(transport, true)
    for (const manifest of manifests) await expectWhole(transport, manifest)
    const { keys, manifest } = await stored(transport)
    expect(keys).toHaveLength(2)
    expect(manifests).toContainEqual(manifest)
  })

  it('never mix their archives on storage without conditional writes', async () => {
    const transport = new Unconditional({ path: folder })
    const manifests = await storeTwice(transport, false)
    for (const manifest of manifests) await expectWhole(transport, manifest)
    expect(manifests).toContainEqual((await stored(transport)).manifest)
  })
})
