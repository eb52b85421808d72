import { fromTemporaryCredentials } from '@aws-sdk/credential-providers'
import { randomBytes } from 'node:crypto'
import { EventEmitter, once } from 'node:events'
import { mkdir, mkdtemp, readFile, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as next } from 'node:timers/promises'
import { inspect } from 'node:util'
import { S3Transport } from 'shipit-net-storage-s3'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startRadosgw, type Radosgw } from '../../testbed/radosgw.js'
import { StorageProxy } from '../../testbed/storage-proxy.js'
import { Bucket } from '../support/bucket.js'
import { Stage } from '../support/stage.js'
import { traceTools } from '../support/traced-tools.js'

const SERVER_TOOLS = (
  'awk basename cat chmod curl cut date dd df dirname find grep gzip id ln ls mkdir mv openssl readlink rm sed sh sleep sort ' +
  'stat tar touch tr wc wget'
).split(' ')
const DEPLOY_TOOLS = ['git', 'node', 'npm', 'ssh', 'tar', 'sh', 'rsync']

/** The example, with slow downloads. */
const SHIPITFILE = `
import example from './shipitfile'
export default shipit => {
  example(shipit)
  Object.assign(shipit.config.netStorage, { downloadRateLimit: 700_000, retries: 1 })
}
`

/** What NODE_DEBUG makes a deploy print, a line each. */
const TRACED = [
  /^SHIPIT-SSH \d+: web1: connection: opened, \d+ ms$/m,
  /^SHIPIT-SSH \d+: web1: publish\.sh: status 0, \d+ ms$/m,
  /^SHIPIT-SSH \d+: web2: connection: closed$/m,
  /^SHIPIT-SSH \d+: web2: stage\.sh: status 0, \d+ ms$/m,
  /^SHIPIT-GIT \d+: git fetch .*: status 0, \d+ ms$/m,
  /^SHIPIT-GIT \d+: git .*archive .*: status 0, \d+ ms$/m,
  /^SHIPIT-PROGRAM \d+: tar -xpf .*: status 0, \d+ ms$/m,
  /^SHIPIT-STORAGE \d+: get manifests\/\S+: absent, \d+ ms$/m,
  /^SHIPIT-STORAGE \d+: put archives\/\S+: \d{6,} bytes, \d+ ms$/m,
  /^SHIPIT-STORAGE \d+: source archives\/\S+: done, \d+ ms$/m,
  /^SHIPIT-STORAGE \d+: list manifests\/: 1 objects, \d+ ms$/m,
  /^SHIPIT-STORAGE \d+: remove checks\/\S+: done, \d+ ms$/m,
]

let directory: string
let server: Radosgw
let bucket: Bucket
let stage: Stage
let shipitfile: string
let proxy: StorageProxy
/** Only the deploy machine may know these. */
let credentials: { accessKeyId: string; secretAccessKey: string; sessionToken: string }
let env: NodeJS.ProcessEnv
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'security-'))
  ;[server, stage] = await Promise.all([
    startRadosgw(directory, { temporaryCredentials: true }),
    Stage.create({ names: ['web1', 'web2'], paths: { web1: SERVER_TOOLS, web2: SERVER_TOOLS } }),
  ])
  bucket = await Bucket.create(server)
  proxy = await StorageProxy.start(server.endpoint)
  const { endpoint, region, accessKeyId, secretAccessKey } = server
  const { sessionToken = '', ...keys } = await fromTemporaryCredentials({
    params: { RoleArn: await server.createRole('deployer'), RoleSessionName: 'deploy' },
    masterCredentials: { accessKeyId, secretAccessKey },
    clientConfig: { endpoint, region },
  })()
  credentials = { accessKeyId: keys.accessKeyId, secretAccessKey: keys.secretAccessKey, sessionToken }

  for (const host of ['web1', 'web2']) {
    const log = join(directory, `${host}.trace`)
    // web1 uses curl; web2 has only wget.
    await traceTools(join(stage.directory, host, 'bin'), SERVER_TOOLS, { log, environment: true })
  }
  await rm(join(stage.directory, 'web2/bin/curl'))
  await traceTools(join(directory, 'bin'), DEPLOY_TOOLS, {
    log: join(directory, 'deploy.trace'),
    environment: false,
  })
  shipitfile = await stage.shipitfile('slow.ts', SHIPITFILE)
  await mkdir(join(stage.directory, 'tmp'))
  await stage.app.commit({ 'random.txt': randomBytes(1_000_000).toString('base64') }, 'Something to fetch')
  env = {
    PATH: `${join(directory, 'bin')}:${process.env['PATH']}`,
    TMPDIR: join(stage.directory, 'tmp'),
    S3_BUCKET: bucket.name,
    S3_ENDPOINT: proxy.endpoint,
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    AWS_SESSION_TOKEN: credentials.sessionToken,
    // Maximum output from ssh and from libraries.
    SERVERS: JSON.stringify(
      stage.fleet.servers.map((each) => ({
        ...each,
        extraSshOptions: { ...each.extraSshOptions, LogLevel: 'DEBUG3' },
      })),
    ),
    DEBUG: '*',
    NODE_DEBUG: 'shipit-*',
  }
})
afterAll(async () => {
  await proxy?.stop()
  await server?.stop()
  await stage?.close()
  await rm(directory, { recursive: true, force: true })
})

/** Secrets, and the signatures of all URLs sent to servers. */
function secrets(): string[] {
  const signatures = proxy.requests.flatMap(({ url }) => /X-Amz-Signature=(\w+)/.exec(url ?? '')?.[1] ?? [])
  const { secretAccessKey, sessionToken } = credentials
  return [secretAccessKey, sessionToken, encodeURIComponent(sessionToken), 'X-Amz-Signature', ...signatures]
}

function expectNoSecret(where: string, content: string): void {
  const found = secrets().filter((secret) => content.includes(secret))
  expect({ where, found }).toEqual({ where, found: [] })
}

/** All files under a folder, with their content. Symbolic links are not followed. */
async function files(folder: string): Promise<{ path: string; content: string }[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => [])
  const found = entries.map(async (entry) => {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) return files(path)
    return entry.isFile() ? [{ path, content: await readFile(path, 'latin1').catch(() => '') }] : []
  })
  return (await Promise.all(found)).flat()
}

/** Emits `listed` after each reading of the process list. */
const watcher = new EventEmitter()

/** Polls the process list and the servers' files. */
async function watch(
  signal: AbortSignal,
): Promise<{ lists: number; files: number; processes: string; content: string }> {
  const [processes, content] = [new Set<string>(), new Map<string, string>()]
  let lists = 0
  while (!signal.aborted) {
    for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
      const line = await readFile(`/proc/${pid}/cmdline`, 'latin1').catch(() => '')
      if (line) processes.add(line)
    }
    if (lists % 10 === 0) {
      for (const host of ['web1', 'web2'])
        for (const file of await files(join(stage.directory, host, 'home')))
          content.set(file.path, file.content)
    }
    lists += 1
    watcher.emit('listed')
    await next()
  }
  return {
    lists,
    files: content.size,
    processes: [...processes].join('\n'),
    content: [...content].flat().join('\n'),
  }
}

async function traced(
  task: string,
  more: NodeJS.ProcessEnv = {},
): Promise<{ status: number | string; output: string; processes: string }> {
  const ended = new AbortController()
  const watching = watch(ended.signal)
  const outcome = await stage.run(task, { ...env, ...more }, shipitfile)
  ended.abort()
  const seen = await watching
  expect(seen.lists).toBeGreaterThan(20)
  expectNoSecret('log', outcome.output)
  expectNoSecret('process lists', seen.processes)
  expectNoSecret('files on servers while it ran', seen.content)
  for (const name of ['web1.trace', 'web2.trace', 'deploy.trace']) {
    const trace = await readFile(join(directory, name), 'latin1')
    // The deploy machine's own tools inherit its environment; only their arguments are traced.
    expectNoSecret(name, trace)
  }
  for (const { path, content } of await files(stage.directory)) expectNoSecret(path, content)
  return { ...outcome, processes: seen.processes }
}

describe('no credentials or URLs leak into logs, process lists, environments or files', () => {
  it('in a deploy', async () => {
    proxy.interfere = async ({ method, url }) => {
      if (method !== 'GET' || !url?.includes('/archives/')) return false
      // A list that began before the request may have missed its process.
      for (let lists = 0; lists < 2; lists += 1) await once(watcher, 'listed')
      return false
    }
    const { status, output, processes } = await traced('deploy')
    expect(output).toContain('is live on 2 servers')
    expect(status).toBe(0)
    // There were secrets to find, and the fetches were traced.
    expect(secrets().length).toBeGreaterThan(6)
    const [curl, wget] = await Promise.all(
      ['web1', 'web2'].map((host) => readFile(join(directory, `${host}.trace`), 'latin1')),
    )
    expect(processes).toContain('curl\0--disable\0--config\0-')
    expect(curl).toContain('curl\0--disable\0--config\0-')
    expect(wget).toContain('wget\0--no-config\0--input-file=-')
    expect(curl).toContain('SSH_CONNECTION=')
    for (const line of TRACED) expect(output).toMatch(line)
  })

  it('when storage refuses the servers', async () => {
    await stage.app.commit({ VERSION: '2\n' }, 'Version 2')
    proxy.interfere = ({ method, url }, response) => {
      if (method !== 'GET' || !url?.includes('/archives/')) return false
      response.writeHead(403).end(`<Error><Code>AccessDenied</Code><Message>${url}</Message></Error>`)
      return true
    }
    const { status, output } = await traced('deploy')
    expect(output).toContain('storage refused the request (status 403)')
    expect(output).toContain('debug1: ')
    expect(status).toBe(1)
  })

  it('when storage fails', async () => {
    proxy.interfere = ({ headers }, response) => {
      response.writeHead(500).end(`<Error><Code>${headers.authorization}</Code></Error>`)
      return true
    }
    const { status } = await traced('deploy')
    expect(status).toBe(1)
  })

  it('when storage is unreachable', async () => {
    const { status, output } = await traced('deploy', { S3_ENDPOINT: 'http://127.0.0.1:9' })
    expect(output).toContain('E_S3_UNREACHABLE')
    expect(status).toBe(1)
  })
})

it('errors contain no secrets at any depth', async () => {
  const { endpoint, region } = server
  const options = { bucket: bucket.name, endpoint, region, forcePathStyle: true, credentials }
  const broken = [
    new S3Transport({ ...options, bucket: 'no-such-bucket' }),
    new S3Transport({ ...options, endpoint: 'http://127.0.0.1:9' }),
    new S3Transport({ ...options, credentials: { ...credentials, accessKeyId: 'nobody' } }),
    new S3Transport({ ...options, partSize: 1 }),
  ]
  const stream = async function* (): AsyncGenerator<Uint8Array> {
    yield randomBytes(100)
  }
  for (const transport of broken) {
    const attempts = [
      transport.check(),
      transport.put('a', Buffer.from('x')),
      transport.put('a', stream()),
      transport.get('a'),
      transport.stat('a'),
      transport.remove(['a']),
      transport.removeUnfinished(new Date()),
    ]
    const errors = (await Promise.allSettled(attempts)).flatMap((outcome) =>
      outcome.status === 'rejected' ? [outcome.reason as Error] : [],
    )
    expect(errors.length).toBeGreaterThanOrEqual(5)
    for (const error of errors) {
      expect(error).toMatchObject({ code: expect.stringMatching(/^E_S/) })
      expectNoSecret(
        error.message,
        `${inspect(error, { depth: Infinity, showHidden: true })}\n${error.stack}`,
      )
    }
  }
})
