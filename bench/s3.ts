// Compares S3 with the AWS CLI, @aws-sdk/lib-storage and curl, on one radosgw: `npm run bench:s3 -- --megabytes 500 --rounds 3 --directory /dev/shm`
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3'
import { Upload } from '@aws-sdk/lib-storage'
import { spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createReadStream, createWriteStream, readFileSync } from 'node:fs'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { parseArgs } from 'node:util'
import { Script } from 'shipit-capistrano'
import { S3Transport } from 'shipit-net-storage-s3'
import { startRadosgw } from '../testbed/radosgw.js'
import { startLink } from './link.js'

const { values } = parseArgs({
  options: {
    megabytes: { type: 'string', default: '500' },
    rounds: { type: 'string', default: '3' },
    directory: { type: 'string', default: tmpdir() },
    // Megabytes per second, to a server: a gigabit link.
    downlink: { type: 'string', default: '110' },
  },
})
const [megabytes, rounds] = [values.megabytes, values.rounds].map(Number) as [number, number]

const directory = await mkdtemp(join(values.directory, 'bench-'))
const server = await startRadosgw(join(directory, 'radosgw'))
const { endpoint, region, accessKeyId, secretAccessKey } = server
const credentials = { accessKeyId, secretAccessKey }
const connection = { endpoint, region, credentials, forcePathStyle: true }
const awsEnvironment = {
  ...process.env,
  AWS_ACCESS_KEY_ID: accessKeyId,
  AWS_SECRET_ACCESS_KEY: secretAccessKey,
  AWS_DEFAULT_REGION: region,
}
const aws = `aws --endpoint-url ${endpoint} s3 cp --only-show-errors`
const file = join(directory, 'archive')
try {
  await new S3Client(connection).send(new CreateBucketCommand({ Bucket: 'bench' }))
  const sha256 = await makeFile()
  const transport = new S3Transport({ bucket: 'bench', ...connection })

  console.log(`${megabytes} MB; best of ${rounds} rounds, alternating`)
  report(
    'upload',
    'aws s3 cp',
    await race(
      () => transport.put('ours', createReadStream(file, { highWaterMark: 1 << 20 })),
      () => shell(`${aws} ${file} s3://bench/theirs`),
    ),
  )
  console.log(
    `  peak memory of this process, which uploads: ${(process.resourceUsage().maxRSS / 1000).toFixed(0)} MB`,
  )

  const client = new S3Client({ ...connection, requestChecksumCalculation: 'WHEN_REQUIRED' })
  const upload = (): Promise<unknown> => {
    const params = {
      Bucket: 'bench',
      Key: 'library',
      Body: createReadStream(file, { highWaterMark: 1 << 20 }),
    }
    return new Upload({ client, params, partSize: 8 << 20, queueSize: 4 }).done()
  }
  report(
    'upload',
    '@aws-sdk/lib-storage',
    await race(() => transport.put('ours', createReadStream(file, { highWaterMark: 1 << 20 })), upload),
  )

  const source = await transport.source('ours')
  const url = 'url' in source ? source.url : ''
  const [download, fetch] = [
    () => runAsServer('download', { sha256, url }),
    () => runAsServer('fetch', { sha256, url }),
  ]
  const copy = (): Promise<void> => shell(`rm -f fetched && ${aws} s3://bench/ours fetched`)
  const discard = (): Promise<void> => shell(`curl --silent --fail --output /dev/null "$URL"`, { URL: url })
  const keep = (): Promise<void> =>
    shell(`rm -f fetched && curl --silent --fail --output fetched "$URL"`, { URL: url })
  report('download', 'aws s3 cp', await race(download, copy))
  report('download and verify', 'aws s3 cp', await race(fetch, copy))
  report('download', 'curl to a file', await race(download, keep))
  report('download', 'curl to /dev/null', await race(download, discard))
  report('download and verify', 'curl to /dev/null', await race(fetch, discard))
  await overLink(sha256)
  await startUp()
} finally {
  await server.stop()
  await rm(directory, { recursive: true, force: true })
}

/** Downloads over a simulated network, as servers do; loopback would be unrealistically fast. */
async function overLink(sha256: string): Promise<void> {
  const link = await startLink(endpoint, values.downlink)
  try {
    const source = await new S3Transport({ bucket: 'bench', ...connection, endpoint: link.endpoint }).source(
      'ours',
    )
    const url = 'url' in source ? source.url : ''
    const where = `over ${values.downlink} MB/s`
    const discard = (): Promise<void> => shell(`curl --silent --fail --output /dev/null "$URL"`, { URL: url })
    for (const what of ['download', 'fetch'] as const) {
      const name = what === 'fetch' ? 'download and verify' : what
      const times = await race(() => runAsServer(what, { sha256, url }), discard)
      report(`${name}, ${where}`, 'curl to /dev/null', times)
    }
  } finally {
    link.stop()
  }
}

async function makeFile(): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(async function* () {
    for (let index = 0; index < megabytes; index += 1) {
      const chunk = randomBytes(1_000_000)
      hash.update(chunk)
      yield chunk
    }
  }, createWriteStream(file))
  return hash.digest('hex')
}

/** Runs a server's script on this machine. */
async function runAsServer(
  what: 'download' | 'fetch',
  { sha256, url }: { readonly sha256: string; readonly url: string },
): Promise<void> {
  const target = join(directory, 'server')
  await rm(target, { recursive: true, force: true })
  await mkdir(target)
  const text = ['download', 'fetch']
    .map((name) =>
      readFileSync(new URL(`../packages/net-storage/server/lib/${name}.sh`, import.meta.url), 'utf8'),
    )
    .join('\n')
  const script = Script.of(`${text}\n${what}`).with({
    part: join(target, 'archive'),
    archive: 'archive',
    object: 's3://bench/ours',
    size: megabytes * 1_000_000,
    sha256,
    delays: '',
    timeout: '',
    rate_limit: '',
    connections: 4,
    command: '',
    relayed: '',
    url,
    headers: '',
    ca: '',
    curl_config: `url = "${url}"`,
  })
  const child = spawn('sh', ['-c', 'IFS= read -r s && eval "$s"'], { stdio: ['pipe', 'inherit', 'inherit'] })
  child.stdin.end(script.encode())
  await ended(child, what)
}

async function startUp(): Promise<void> {
  const program = `
    const start = performance.now()
    // What a shipitfile loads anyway.
    await import('shipit-net-storage')
    const from = performance.now()
    const { S3Transport } = await import('shipit-net-storage-s3')
    const imported = performance.now()
    const transport = new S3Transport({ bucket: 'bench', ...${JSON.stringify(connection)} })
    await transport.stat('ours')
    console.log(imported - from, performance.now() - from, from - start)`
  let best = [Infinity, Infinity, Infinity]
  for (let round = 0; round < 5; round += 1) {
    const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
      env: { ...process.env, AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true' },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let output = ''
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
    await ended(child, 'import')
    const times = output.split(' ').map(Number)
    if ((times[1] ?? Infinity) < (best[1] ?? 0)) best = times
  }
  const [imported, requested, before] = best.map((milliseconds) => milliseconds.toFixed(0))
  console.log(
    `  start: import ${imported} ms; import and first request ${requested} ms; shipit-net-storage before that ${before} ms`,
  )
}

/** The shortest time of each, in seconds. Alternates, so that both run under the same conditions. */
async function race(ours: () => Promise<unknown>, theirs: () => Promise<unknown>): Promise<[number, number]> {
  const best: [number, number] = [Infinity, Infinity]
  for (let round = 0; round < rounds; round += 1) {
    best[0] = Math.min(best[0], await time(ours))
    best[1] = Math.min(best[1], await time(theirs))
  }
  return best
}

async function time(work: () => Promise<unknown>): Promise<number> {
  const from = performance.now()
  await work()
  return (performance.now() - from) / 1000
}

function report(what: string, other: string, [ours, theirs]: [number, number]): void {
  const speed = theirs / ours
  console.log(
    `  ${what}: ${ours.toFixed(2)} s; ${other}: ${theirs.toFixed(2)} s; ${speed.toFixed(2)} times its speed`,
  )
}

async function shell(command: string, environment: NodeJS.ProcessEnv = {}): Promise<void> {
  const env = { ...awsEnvironment, ...environment }
  await ended(
    spawn('sh', ['-ec', command], { cwd: directory, env, stdio: ['ignore', 'inherit', 'inherit'] }),
    command,
  )
}

async function ended(child: ReturnType<typeof spawn>, what: string): Promise<void> {
  const [status] = (await once(child, 'close')) as [number | null]
  if (status !== 0) throw new Error(`${what} exited with status ${status}`)
}
