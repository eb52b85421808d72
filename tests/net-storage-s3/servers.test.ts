import { execFileSync } from 'node:child_process'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage } from 'node:http'
import { connect, type AddressInfo } from 'node:net'
import { once } from 'node:events'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest'
import { StorageProxy } from '../../testbed/storage-proxy.js'
import { Stage } from '../support/stage.js'

/** The example, with transport options from the environment and, on request, tampered URLs and damaged archives. */
const SHIPITFILE = `
import capistrano from 'shipit-capistrano'
import { S3Transport } from 'shipit-net-storage-s3'
import { DeleteObjectCommand, GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import example from './shipitfile'
const { env } = process

class Spoilt extends S3Transport {
  async source(key) {
    const { url } = await super.source(key)
    if (env.SPOIL === 'tampered') return { url: url.replace(/Signature=.{8}/, 'Signature=00000000') }
    if (env.SPOIL === 'of another key') return { url: url.replace('/checks/', '/archives/') }
    await new Promise(resolve => setTimeout(resolve, 2100))
    return { url }
  }
}

export default shipit => {
  example(shipit)
  const options = {
    bucket: env.S3_BUCKET, prefix: 'shop', region: 'us-east-1', endpoint: env.S3_ENDPOINT, forcePathStyle: true,
    ...JSON.parse(env.OPTIONS ?? '{}'),
  }
  shipit.config.netStorage.retries = 1
  shipit.config.netStorage.transport = env.SPOIL ? new Spoilt(options) : new S3Transport(options)

  capistrano(shipit).after('net_storage:upload_archive', 'damage', async () => {
    if (!env.DAMAGE) return
    const { key } = shipit.netStorage.manifest.parts[0]
    const object = { Bucket: env.S3_BUCKET, Key: 'shop/' + key }
    const client = new S3Client({ region: 'us-east-1', endpoint: env.S3_ENDPOINT, forcePathStyle: true })
    const content = Buffer.from(await (await client.send(new GetObjectCommand(object))).Body.transformToByteArray())
    const change = {
      flipped: () => { content[500] ^= 1; return content },
      cut: () => content.subarray(0, content.length - 1),
      replaced: () => Buffer.alloc(content.length, 'x'),
    }[env.DAMAGE]
    if (change) await client.send(new PutObjectCommand({ ...object, Body: change() }))
    if (env.DAMAGE === 'removed') await client.send(new DeleteObjectCommand(object))
  })
}
`

let stage: Stage
let shipitfile: string
let proxy: StorageProxy
let version = 0
beforeAll(async () => {
  stage = await Stage.create({ names: ['web1', 'web2'] })
  shipitfile = await stage.shipitfile('s3.ts', SHIPITFILE)
})
afterAll(() => stage.close())
beforeEach(async () => {
  proxy = await StorageProxy.start(inject('s3').endpoint)
  await stage.app.commit({ VERSION: `${(version += 1)}\n` }, `Version ${version}`)
})
afterEach(() => proxy.stop())

const one = { HOSTS: 'web1' }

function deploy(
  env: NodeJS.ProcessEnv,
  options: object = {},
): Promise<{ status: number | string; output: string }> {
  return stage.run('deploy', { ...env, OPTIONS: JSON.stringify(options) }, shipitfile)
}

const isArchive = ({ method, url }: IncomingMessage): boolean =>
  method === 'GET' && !!url?.includes('/archives/')

describe('servers with the AWS CLI', () => {
  const awsCli = { serverCommand: 'aws-cli' }

  it('fetch with their own credentials, and get region and endpoint but no keys', async () => {
    const { accessKeyId, secretAccessKey } = inject('s3')
    for (const name of ['web1', 'web2']) {
      const folder = join(stage.fleet.host(name).home, '.aws')
      await mkdir(folder)
      const keys = `aws_access_key_id = ${accessKeyId}\naws_secret_access_key = ${secretAccessKey}\n`
      await writeFile(join(folder, 'credentials'), `[default]\n${keys}`)
    }
    const { status, output } = await deploy({ S3_ENDPOINT: proxy.endpoint }, awsCli)
    expect(output).toContain('is live on 2 servers')
    expect(status).toBe(0)
    const fetches = proxy.requests.filter(isArchive)
    expect(fetches.length).toBeGreaterThanOrEqual(2)
    for (const { headers, url } of fetches) {
      expect(headers['user-agent']).toMatch(/^aws-cli/)
      expect(headers.authorization).toContain('/us-east-1/s3/')
      expect(url).not.toContain('X-Amz-Signature')
    }
  })

  it('report missing credentials before anything is changed', async () => {
    const home = stage.fleet.host('web2').home
    await writeFile(join(home, '.aws/credentials'), '')
    const before = await stage.live()
    const { status, output } = await deploy({ AWS_EC2_METADATA_DISABLED: 'true' }, awsCli)
    expect(status).toBe(1)
    expect(output).toMatch(/1 of 2 servers failed:\s+web2: /)
    expect(output).toMatch(/Unable to locate credentials/)
    expect(output).not.toContain('prepare_archive')
    expect(await stage.live()).toEqual(before)
  })
})

describe('a URL', () => {
  it.each([
    ['tampered', {}],
    ['of another key', {}],
    ['expired', { urlExpiresIn: 2 }],
  ])('that is %s is reported before anything is changed', async (spoil, options) => {
    const before = await stage.live()
    const { status, output } = await deploy({ ...one, SPOIL: spoil }, options)
    expect(status).toBe(1)
    expect(output).toMatch(
      /web1: [^]*cannot fetch s3:\S+\/checks\/\S+: storage refused the request \(status 403\)/,
    )
    expect(output).not.toContain('prepare_archive')
    expect(output).not.toContain('X-Amz')
    expect(await stage.live()).toEqual(before)
  })

  it('that expires while a server fetches is renewed, and the download resumes', async () => {
    let cuts = 0
    proxy.interfere = async (request, response) => {
      if (!isArchive(request) || cuts > 0) return false
      cuts += 1
      const [, , ...key] = new URL(request.url ?? '', proxy.endpoint).pathname.split('/')
      const content = await stage.bucket.read(key.join('/'))
      response.writeHead(200, { 'content-length': content.length })
      response.write(content.subarray(0, 700))
      await new Promise((resolve) => setTimeout(resolve, 3100))
      response.destroy()
      return true
    }
    const { status, output } = await deploy({ ...one, S3_ENDPOINT: proxy.endpoint }, { urlExpiresIn: 3 })
    expect(output).toContain('@web1 the URL has expired: retrying with a new one')
    expect(output).toMatch(/resuming \S+ at byte 700 of/)
    expect(output).toContain('is live on 1 server')
    expect(status).toBe(0)
    const answers = proxy.requests.filter(isArchive)
    expect(answers.map(({ headers }) => headers.range)).toEqual([undefined, 'bytes=700-', 'bytes=700-'])
  })
})

it.each(['flipped', 'cut', 'replaced', 'removed'])(
  'an archive that is %s in storage is rejected by every server, and named',
  async (damage) => {
    const before = await stage.live()
    const { status, output } = await deploy({ DAMAGE: damage })
    expect(status).toBe(1)
    expect(output).toContain('2 of 2 servers failed')
    const named =
      damage === 'removed'
        ? /cannot fetch s3:\S+\/archives\/[0-9a-f]{40}-\d{14}\.tar\.gz: storage refused the request \(status 404\)/g
        : new RegExp(
            `s3://${stage.bucket.name}/shop/archives/[0-9a-f]{40}-\\d{14}\\.tar\\.gz in storage is not what was uploaded`,
            'g',
          )
    // Servers with the same problem share a line.
    expect(output.match(named)).not.toBeNull()
    expect(await stage.live()).toEqual(before)
  },
)

describe('storage with a private CA', () => {
  it('is trusted by this machine and by servers', async () => {
    const [key, cert] = [join(stage.directory, 'own.key'), join(stage.directory, 'own.pem')]
    const make = 'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=storage'
    const name = ['-addext', 'subjectAltName=IP:127.0.0.1']
    const files = ['-keyout', key, '-out', cert]
    execFileSync('openssl', [...make.split(' '), ...name, ...files], { stdio: 'ignore' })
    const tls = { key: await readFile(key, 'utf8'), cert: await readFile(cert, 'utf8') }
    const secure = await StorageProxy.start(inject('s3').endpoint, tls)
    try {
      const without = await deploy({ ...one, S3_ENDPOINT: secure.endpoint })
      expect(without.output).toMatch(/E_S3_UNREACHABLE|E_STORAGE/)
      const { status, output } = await deploy({ ...one, S3_ENDPOINT: secure.endpoint }, { caFile: cert })
      expect(output).toContain('is live on 1 server')
      expect(status).toBe(0)
      expect(secure.requests.filter(isArchive).map(({ headers }) => headers['user-agent'])).toEqual([
        expect.stringContaining('curl'),
      ])
    } finally {
      await secure.stop()
    }
  })
})

it('uses the proxy from the environment on the deploy machine', async () => {
  const tunnels: string[] = []
  const tunnel = createServer().on('connect', (request: IncomingMessage, socket) => {
    tunnels.push(request.url ?? '')
    const [host, port] = (request.url ?? '').split(':')
    const upstream = connect(Number(port), host, () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n')
      upstream.pipe(socket).pipe(upstream)
    })
    upstream.on('error', () => socket.destroy())
    socket.on('error', () => upstream.destroy())
  })
  tunnel.listen(0, '127.0.0.1')
  await once(tunnel, 'listening')
  const url = `http://127.0.0.1:${(tunnel.address() as AddressInfo).port}`
  try {
    expect((await stage.run('net_storage:upload_archive', { HTTP_PROXY: url }, shipitfile)).status).toBe(0)
    expect(new Set(tunnels)).toEqual(new Set([new URL(inject('s3').endpoint).host]))
    const before = tunnels.length
    const { status } = await stage.run(
      'net_storage:upload_archive',
      { HTTP_PROXY: url, NO_PROXY: new URL(inject('s3').endpoint).hostname },
      shipitfile,
    )
    expect(status).toBe(0)
    expect(tunnels).toHaveLength(before)
  } finally {
    tunnel.closeAllConnections()
    tunnel.close()
  }
})
