import { S3Client } from '@aws-sdk/client-s3'
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { createServer as createHttpServer } from 'node:http'
import { createServer, type AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { S3Transport, type S3TransportOptions } from 'shipit-net-storage-s3'
import { transportContract } from 'shipit-net-storage/testing'
import { afterAll, beforeAll, describe, expect, inject, it, vi } from 'vitest'
import { Bucket } from '../support/bucket.js'

let bucket: Bucket
beforeAll(async () => {
  bucket = await Bucket.create()
})
afterAll(() => bucket.delete())

let tests = 0

function connection() {
  const { endpoint, region, accessKeyId, secretAccessKey } = inject('s3')
  return { endpoint, region, forcePathStyle: true, credentials: { accessKeyId, secretAccessKey } }
}

/** A transport in its own folder. */
function transport(options: Partial<S3TransportOptions> = {}): S3Transport {
  return new S3Transport({
    bucket: bucket.name,
    prefix: `test-${(tests += 1)}`,
    ...connection(),
    ...options,
  })
}

transportContract({
  it,
  create: async () => transport(),
  createBroken: async () => transport({ bucket: 'no-such-bucket' }),
})

it('leaves no parts of an upload that fails or is cancelled', async () => {
  const abort = new AbortController()
  const source = async function* (fail: () => void): AsyncGenerator<Uint8Array> {
    for (let part = 0; part < 20; part += 1) yield Buffer.alloc(1 << 20, part)
    fail()
    yield Buffer.alloc(1 << 20)
  }
  const broken = source(() => {
    throw new Error('broken')
  })
  await expect(transport().put('a', broken)).rejects.toThrow('broken')
  await expect(
    transport().put(
      'b',
      source(() => abort.abort()),
      { signal: abort.signal },
    ),
  ).rejects.toMatchObject({ name: 'AbortError' })
  expect(await bucket.unfinishedUploads()).toEqual([])
})

it('keeps its objects in its own folder of the bucket', async () => {
  const [mine, other] = [transport({ prefix: '/one/two/' }), transport({ prefix: 'one' })]
  expect(mine.description).toBe(`s3://${bucket.name}/one/two`)
  await mine.put('key', Buffer.from('x'))
  expect(await bucket.keys()).toContain('one/two/key')
  expect(await other.get('key')).toBeUndefined()
})

it('gives servers a temporary URL for one object that works without credentials', async () => {
  const s3 = transport({ urlExpiresIn: 60 })
  await s3.put('mine', Buffer.from('content'))
  await s3.put('other', Buffer.from('secret'))
  const source = await s3.source('mine')
  if (!('url' in source)) throw new Error('expected a URL')
  expect(await (await fetch(source.url)).text()).toBe('content')
  expect(new URL(source.url).searchParams.get('X-Amz-Expires')).toBe('60')
  expect((await fetch(source.url.replace('/mine', '/other'))).status).toBe(403)
  expect((await fetch(source.url, { method: 'DELETE' })).status).toBe(403)
})

describe('reports errors without secrets', () => {
  const secret = 'canary-secret-access-key'
  it.each<[string, () => Promise<Partial<S3TransportOptions>>, RegExp]>([
    ['E_S3_BUCKET', async () => ({ bucket: 'no-such-bucket' }), /'no-such-bucket' does not exist/],
    [
      'E_S3_ACCESS',
      async () => ({ credentials: { accessKeyId: 'nobody', secretAccessKey: secret } }),
      /rejects the credentials/,
    ],
    [
      'E_S3_ACCESS',
      async () => ({ credentials: { accessKeyId: inject('s3').accessKeyId, secretAccessKey: secret } }),
      /rejects the credentials/,
    ],
    [
      'E_S3_CREDENTIALS',
      async () => ({
        credentials: async () => {
          throw Object.assign(new Error(`no ${secret}`), { name: 'CredentialsProviderError' })
        },
      }),
      /^No credentials for s3:/,
    ],
    [
      'E_S3_UNREACHABLE',
      async () => ({ endpoint: await closedEndpoint() }),
      /can't be reached at http:.*ECONNREFUSED/,
    ],
  ])('%s', async (code, options, message) => {
    const error: unknown = await transport(await options())
      .check()
      .catch((reason: unknown) => reason)
    expect(error).toMatchObject({ code, message: expect.stringMatching(message), showStack: false })
    expect(String(error)).not.toContain(secret)
  })
})

// Amazon's responses, as this storage has only one region.
it.each([
  [301, { 'x-amz-bucket-region': 'eu-central-1' }, '<Error><Code>PermanentRedirect</Code></Error>'],
  [400, {}, '<Error><Code>AuthorizationHeaderMalformed</Code><Region>eu-central-1</Region></Error>'],
])("reports a bucket's region from a response with status %d", async (status, headers, body) => {
  const server = createHttpServer((_, response) => {
    response.writeHead(status, { 'content-type': 'application/xml', ...headers }).end(body)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  try {
    const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    await expect(
      transport({ endpoint, region: 'us-east-1', bucket: 'deploys' }).check(),
    ).rejects.toMatchObject({
      code: 'E_S3_REGION',
      message:
        "Bucket 'deploys' is in region eu-central-1, not in us-east-1: set the transport's region to 'eu-central-1'.",
    })
  } finally {
    server.close()
  }
})

it('reads the endpoint from the environment, and names it in errors', async () => {
  vi.stubEnv('AWS_ENDPOINT_URL_S3', inject('s3').endpoint)
  try {
    const { endpoint: _, ...options } = connection()
    const s3 = new S3Transport({ bucket: bucket.name, prefix: 'environment', ...options })
    expect(await s3.check()).toEqual([])
    await expect(new S3Transport({ ...options, bucket: 'no-such-bucket' }).check()).rejects.toThrow(
      `does not exist at ${inject('s3').endpoint}`,
    )
  } finally {
    vi.unstubAllEnvs()
  }
})

it('takes a ready client', async () => {
  const client = new S3Client(connection())
  const s3 = new S3Transport({ bucket: bucket.name, prefix: 'ready', client })
  expect(await s3.check()).toEqual([])
  const source = await s3.source('checks/none')
  expect('url' in source && source.url).toContain(inject('s3').endpoint)
  client.destroy()
})

it('does not load the SDK before the first request', () => {
  const program = `
    import { createRequire } from 'node:module'
    const { S3Transport } = await import('shipit-net-storage-s3')
    new S3Transport({ bucket: 'deploys', region: 'eu-west-1' })
    console.log(Object.keys(createRequire(import.meta.url).cache).join('\\n'))`
  const cwd = fileURLToPath(new URL('../..', import.meta.url))
  const output = execFileSync(process.execPath, ['--input-type=module', '-e', program], {
    cwd,
    encoding: 'utf8',
  })
  expect(output).not.toMatch(/@aws-sdk|@smithy/)
  expect(output).toContain('shipit-deploy')
})

/** The URL of a server that has just been stopped. */
async function closedEndpoint(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  return `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`
}
