// Compares a deploy with its parts, on real ssh hosts and real S3: `npm run bench:deploy -- --archiver tar.zst`
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createReadStream, createWriteStream, existsSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { parseArgs } from 'node:util'
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3'
import { TarGzip, TarZstd, type Archiver } from 'shipit-net-storage'
import { S3Transport } from 'shipit-net-storage-s3'
import { startFleet } from '../testbed/fleet.js'
import { startRadosgw } from '../testbed/radosgw.js'
import { createSampleApp } from '../testbed/sample-app.js'
import { createProject, startShipit } from '../testbed/shipit.js'
import { startLink } from './link.js'
import { makeTree } from './tree.js'

const { values } = parseArgs({
  options: {
    files: { type: 'string', default: '20000' },
    megabytes: { type: 'string', default: '400' },
    rounds: { type: 'string', default: '3' },
    archiver: { type: 'string', default: 'tar.gz' },
    // Megabytes per second, to storage.
    uplink: { type: 'string', default: '15' },
    // In memory, so that other users of the disk don't affect the results.
    in: { type: 'string', default: existsSync('/dev/shm') ? '/dev/shm' : tmpdir() },
  },
})
const [files, megabytes, rounds] = [values.files, values.megabytes, values.rounds].map(Number) as [
  number,
  number,
  number,
]
const archiver: Archiver = values.archiver === 'tar.zst' ? new TarZstd() : new TarGzip()
const decompress = values.archiver === 'tar.zst' ? 'zstd -dc' : 'gzip -dc'

/** The example with another archiver and without its build; prints its peak memory. */
const SHIPITFILE = `
import example from './shipitfile'
export default shipit => {
  example(shipit)
  Object.assign(shipit.config.netStorage, { archiver: '${values.archiver}', reuseArchive: process.env.REUSE === '1', prefetch: 'extract' })
  shipit.blTask('assets:build', () => {})
  process.on('exit', () => console.log('peak ' + process.resourceUsage().maxRSS))
}
`

const directory = await mkdtemp(join(values.in, 'bench-'))
// Storage runs on another machine in practice, so it gets its own core, and so does the deploy machine.
pin('1')
const storage = await startRadosgw(join(directory, 'radosgw'))
// The bottleneck of an upload.
const uplink = await startLink(storage.endpoint, values.uplink)
pin('0,1')
const fleet = await startFleet({ directory, names: ['web1'] })
pin('0')
try {
  const app = await createSampleApp(join(directory, 'shop'))
  await makeTree(app.directory, { files, megabytes })
  await app.commit({}, 'Much')
  await createProject(directory)
  await writeFile(join(directory, 'bench.ts'), SHIPITFILE)
  const { endpoint, region, accessKeyId, secretAccessKey } = storage
  const credentials = { accessKeyId, secretAccessKey }
  await new S3Client({ endpoint, region, credentials, forcePathStyle: true }).send(
    new CreateBucketCommand({ Bucket: 'deploys' }),
  )
  const transport = new S3Transport({
    bucket: 'deploys',
    endpoint: uplink.endpoint,
    region,
    credentials,
    forcePathStyle: true,
  })
  const env = {
    PATH: process.env['PATH'],
    HOME: process.env['HOME'],
    USER: 'bench',
    SERVERS: JSON.stringify(fleet.servers),
    SSH_KEY: fleet.key,
    DEPLOY_TO: 'srv/shop',
    REPOSITORY_URL: app.directory,
    S3_BUCKET: 'deploys',
    S3_ENDPOINT: endpoint,
    S3_REGION: region,
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
  }
  let peak = 0
  /** Returns the seconds each task took. */
  const shipit = async (task: string, more: NodeJS.ProcessEnv = {}): Promise<(name: string) => number> => {
    const run = startShipit(task, {
      cwd: directory,
      env: { ...env, ...more },
      shipitfile: join(directory, 'bench.ts'),
    })
    if ((await run.ended) !== 0) throw new Error(run.output)
    peak = Math.max(peak, Number(/peak (\d+)/.exec(run.output)?.[1]))
    return (name) => {
      const [, number, unit] = new RegExp(`Finished '${name}' after ([\\d.]+) (\\S+)`).exec(run.output) ?? []
      return Number(number) * ({ s: 1, ms: 1e-3, min: 60 }[unit ?? ''] ?? NaN)
    }
  }

  const tree = join(directory, 'tree')
  await mkdir(tree)
  execFileSync('sh', ['-c', `git archive HEAD | tar -xf - -C '${tree}'`], { cwd: app.directory })
  const archive = join(directory, 'archive')
  await pipeline(archiver.pack(tree, { mtime: 1 }), createWriteStream(archive))
  await transport.put('archive', createReadStream(archive))
  const source = await new S3Transport({
    bucket: 'deploys',
    endpoint,
    region,
    credentials,
    forcePathStyle: true,
  }).source('archive')
  if (!('url' in source)) throw new Error('expected a URL')
  await writeFile(join(fleet.host('web1').home, 'url'), `url = "${source.url}"\n`)

  console.log(
    `${files} files, ${megabytes} MB, ${archiver.format}, ${values.uplink} MB/s to storage; best of ${rounds} rounds, alternating`,
  )
  const best: Record<string, number> = {}
  const measure = async (name: string, work: () => Promise<number | void>): Promise<void> => {
    const from = performance.now()
    const measured = await work()
    best[name] = Math.min(best[name] ?? Infinity, measured ?? (performance.now() - from) / 1000)
  }
  for (let round = 0; round < rounds; round += 1) {
    await measure('pack', () => drain(archiver.pack(tree, { mtime: 1 })))
    await measure(
      'upload',
      async () => void (await transport.put(`archive${round}`, createReadStream(archive))),
    )
    await measure('pack and upload', async () => {
      const took = await shipit('net_storage:upload_archive', { S3_ENDPOINT: uplink.endpoint })
      return took('net_storage:upload_archive') - took('net_storage:prepare_archive')
    })
    await remote('rm -rf srv unpacked && mkdir unpacked && sync')
    await measure('curl | tar', () => remote(`curl -sS --config url | ${decompress} | tar -xf - -C unpacked`))
    await remote('rm -rf unpacked && sync')
    await measure('fetch, verify and unpack', async () =>
      (await shipit('net_storage:prefetch', { REUSE: '1' }))('net_storage:prefetch'),
    )
  }
  for (const [name, seconds] of Object.entries(best))
    console.log(`  ${name.padEnd(25)} ${seconds.toFixed(2)} s`)
  const [pack, upload, together, plain, ours] = Object.values(best) as [
    number,
    number,
    number,
    number,
    number,
  ]
  console.log(
    `pack and upload / the longer of the two: ${(together / Math.max(pack, upload)).toFixed(2)} (at most 1.2)`,
  )
  console.log(`fetch, verify and unpack / curl | tar: ${(ours / plain).toFixed(2)} (at most 1.2)`)
  await shipit('deploy')
  console.log(`peak memory of the deploy machine: ${(peak / 1000).toFixed(0)} MB (at most 300 MB)`)

  async function remote(command: string): Promise<void> {
    const { user, key, knownHosts } = fleet
    const { host, port } = fleet.host('web1')
    const options = [
      '-i',
      key,
      '-p',
      String(port),
      '-o',
      `UserKnownHostsFile=${knownHosts}`,
      '-o',
      'IdentitiesOnly=yes',
    ]
    const child = spawn('ssh', [...options, `${user}@${host}`, command], {
      stdio: ['ignore', 'inherit', 'inherit'],
    })
    const [status] = (await once(child, 'close')) as [number | null]
    if (status !== 0) throw new Error(`${command} exited with status ${status}`)
  }
} finally {
  uplink.stop()
  await fleet.stop()
  await storage.stop()
  await rm(directory, { recursive: true, force: true })
}

/** Pins this process, and those it starts from now on, to these cores. */
function pin(cores: string): void {
  execFileSync('taskset', ['--all-tasks', '--cpu-list', '--pid', cores, String(process.pid)])
}

async function drain(chunks: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const chunk of chunks) if (chunk.length < 0) throw new Error('never')
}
