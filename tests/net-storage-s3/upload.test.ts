import { randomBytes } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { S3Transport, type S3TransportOptions } from 'shipit-net-storage-s3'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest'
import { StorageProxy } from '../../testbed/storage-proxy.js'
import { Bucket } from '../support/bucket.js'
import { Stage } from '../support/stage.js'

const MEBIBYTE = 1 << 20

let bucket: Bucket
let proxy: StorageProxy
beforeAll(async () => {
  bucket = await Bucket.create()
})
afterAll(() => bucket.delete())
beforeEach(async () => {
  proxy = await StorageProxy.start(inject('s3').endpoint)
})
afterEach(() => proxy.stop())

let tests = 0

function transport(options: Partial<S3TransportOptions> = {}): S3Transport {
  const { region, accessKeyId, secretAccessKey } = inject('s3')
  return new S3Transport({
    bucket: bucket.name,
    prefix: `test-${(tests += 1)}`,
    endpoint: proxy.endpoint,
    region,
    forcePathStyle: true,
    credentials: { accessKeyId, secretAccessKey },
    partSize: 5 * MEBIBYTE,
    ...options,
  })
}

const content = randomBytes(23 * MEBIBYTE)

async function* stream(): AsyncGenerator<Uint8Array> {
  for (let from = 0; from < content.length; from += 1_000_000) yield content.subarray(from, from + 1_000_000)
}

const isPart = ({ method, url }: IncomingMessage): boolean =>
  method === 'PUT' && !!url?.includes('partNumber=')

async function stored(s3: S3Transport): Promise<boolean> {
  const source = await s3.source('archive')
  const response = await fetch('url' in source ? source.url : '')
  return Buffer.from(await response.arrayBuffer()).equals(content)
}

it('sends up to queueSize parts in parallel', async () => {
  let most = 0
  const waiting: (() => void)[] = []
  // Holds parts back until there are three.
  proxy.interfere = async (request) => {
    if (!isPart(request)) return false
    most = Math.max(most, proxy.active)
    if (waiting.length < 2) await new Promise<void>((resolve) => waiting.push(resolve))
    else for (const go of waiting) go()
    return false
  }
  const s3 = transport({ queueSize: 3 })
  await s3.put('archive', stream())
  expect(most).toBe(3)
  expect(proxy.count('PUT', 'partNumber=')).toBe(5)
  expect(await stored(s3)).toBe(true)
})

it.each<[string, (response: ServerResponse) => void]>([
  ['answers with 503', (response) => response.writeHead(503).end()],
  ['answers with 500', (response) => response.writeHead(500).end()],
  ['cuts the connection', (response) => response.destroy()],
])('retries a part when storage %s', async (_, fail) => {
  const failed = new Set<string>()
  proxy.interfere = (request, response) => {
    const part = /partNumber=\d+/.exec(request.url ?? '')?.[0]
    if (!part || failed.has(part)) return false
    failed.add(part)
    fail(response)
    return true
  }
  const s3 = transport()
  await s3.put('archive', stream())
  expect(failed.size).toBe(5)
  expect(await stored(s3)).toBe(true)
})

it('makes storage verify every part: a bit flipped in transit is rejected', async () => {
  const flipped = new Set<string>()
  proxy.tamper = (request, chunk) => {
    const part = /partNumber=\d+/.exec(request.url ?? '')?.[0]
    if (!part || flipped.has(part)) return chunk
    flipped.add(part)
    const changed = Buffer.from(chunk)
    changed[0] = (changed[0] ?? 0) ^ 1
    return changed
  }
  const s3 = transport()
  const outcome = await s3.put('archive', stream()).catch((error: unknown) => error)
  expect(flipped.size).toBeGreaterThan(0)
  // Rejected, and nothing kept.
  expect(outcome).toMatchObject({
    code: 'E_STORAGE',
    message: expect.stringContaining('received corrupted data (XAmzContentSHA256Mismatch)'),
  })
  expect(await bucket.unfinishedUploads()).toEqual([])
  expect(await s3.stat('archive')).toBeUndefined()
})

it('stops early, and aborts the upload, when storage refuses a part', async () => {
  proxy.interfere = (request, response) => {
    if (!request.url?.includes('partNumber=2&')) return false
    response.writeHead(403).end()
    return true
  }
  let read = 0
  const long = async function* (): AsyncGenerator<Uint8Array> {
    for (; read < 200; read += 1) yield content.subarray(0, MEBIBYTE)
  }
  const s3 = transport()
  await expect(s3.put('archive', long())).rejects.toMatchObject({ code: 'E_S3_PERMISSIONS' })
  expect(read).toBeLessThan(100)
  expect(await bucket.unfinishedUploads()).toEqual([])
})

it('aborts unfinished uploads in its own folder that are older than a time', async () => {
  const [mine, other] = ['mine/archives/a', 'mine-too/archives/b']
  await bucket.beginUpload(mine)
  await bucket.beginUpload(other)
  const s3 = transport({ prefix: 'mine' })
  expect(await s3.removeUnfinished(new Date(Date.now() - 3600_000))).toEqual([])
  expect(await s3.removeUnfinished(new Date(Date.now() + 3600_000))).toEqual(['archives/a'])
  expect(await bucket.unfinishedUploads()).toEqual([other])
  await transport({ prefix: 'mine-too' }).removeUnfinished(new Date(Date.now() + 3600_000))
})

it('net_storage:cleanup aborts unfinished uploads older than a day', async () => {
  const stage = await Stage.create({ names: ['web1'] })
  try {
    const key = await stage.bucket.beginUpload('shop/archives/left')
    expect((await stage.run('net_storage:cleanup')).output).not.toContain('unfinished')
    expect(await stage.bucket.unfinishedUploads()).toEqual([key])
    // 25 hours later.
    const later = await stage.shipitfile(
      'later.ts',
      `import example from './shipitfile'
       export default shipit => {
         example(shipit)
         const { transport } = shipit.config.netStorage
         const { removeUnfinished } = Object.getPrototypeOf(transport)
         transport.removeUnfinished = date => removeUnfinished.call(transport, new Date(+date + 25 * 3600_000))
       }`,
    )
    const { output, status } = await stage.run('net_storage:cleanup', {}, later)
    expect(output).toContain('Removed the unfinished upload of archives/left from storage.')
    expect(status).toBe(0)
    expect(await stage.bucket.unfinishedUploads()).toEqual([])
  } finally {
    await stage.close()
  }
})

describe('a deploy interrupted during the upload', () => {
  let stage: Stage
  beforeAll(async () => {
    stage = await Stage.create({ names: ['web1'] })
    await stage.app.commit({ 'large.txt': randomBytes(12 * MEBIBYTE).toString('base64') }, 'Something large')
  })
  afterAll(() => stage.close())

  it.each([
    ['SIGTERM', 143],
    ['SIGINT', 130],
  ] as const)('with %s leaves neither archive nor parts', async (signal, status) => {
    let arrived: () => void = () => {}
    const second = new Promise<void>((resolve) => (arrived = resolve))
    // The first part succeeds; all others hang.
    proxy.interfere = (request) => {
      if (!isPart(request) || request.url?.includes('partNumber=1&')) return false
      arrived()
      return true
    }
    const run = stage.start('deploy', { S3_ENDPOINT: proxy.endpoint })
    await second
    expect(await stage.bucket.unfinishedUploads()).toHaveLength(1)
    run.kill(signal)
    expect(await run.ended).toBe(status)
    expect(await stage.bucket.unfinishedUploads()).toEqual([])
    expect((await stage.bucket.keys()).filter((key) => !/\/(in_use|locks)\//.test(key))).toEqual([])
  })
})
