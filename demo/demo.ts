// Deploys a small application to real ssh servers on this machine, with shipitfile.example.ts. See CONTRIBUTING.md.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtemp, readFile, readlink, lstat, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline/promises'
import { parseArgs } from 'node:util'
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3'
import { startEmbeddedS3 } from '../testbed/embedded-s3.js'
import { startFleet, type Fleet } from '../testbed/fleet.js'
import { createSampleApp, type SampleApp } from '../testbed/sample-app.js'
import type { S3Server } from '../testbed/s3-server.js'
import { createProject, startShipit, type ShipitRun } from '../testbed/shipit.js'
import { closing } from './closing.js'

const { values: options } = parseArgs({
  options: { servers: { type: 'string', default: '3' }, stay: { type: 'boolean', default: false } },
})

const DEPLOY_TO = 'srv/shop'
const started = performance.now()
const directory = await mkdtemp(join(tmpdir(), 'demo-'))
const scenes: { title: string; seconds: number }[] = []
const cleanUp: (() => Promise<void>)[] = []

try {
  const names = Array.from({ length: Number(options.servers) }, (_, index) => `web${index + 1}`)
  console.log(`Starting ${names.join(', ')} (sshd on loopback) and an embedded S3...`)
  const fleet = await startFleet({ directory, names })
  cleanUp.push(() => fleet.stop())
  const s3 = await startEmbeddedS3()
  cleanUp.push(() => s3.stop())
  const app = await createSampleApp(join(directory, 'shop'))
  const env = await environment(fleet, s3, app)
  await play(fleet, app, env)
  await report(fleet)
  if (options.stay) await stay(env)
} catch (error) {
  console.error(`\nThe demo failed: ${error instanceof Error ? error.stack : String(error)}`)
  process.exitCode = 1
} finally {
  await Promise.allSettled(cleanUp.map((stop) => stop()))
  await rm(directory, { recursive: true, force: true })
}

async function play(fleet: Fleet, app: SampleApp, env: NodeJS.ProcessEnv): Promise<void> {
  const shipit = (task: string, prefix = '', more: NodeJS.ProcessEnv = {}): ShipitRun =>
    startShipit(task, {
      cwd: directory,
      env: { ...env, ...more },
      onLine: (line) => console.log(`  ${prefix}${line}`),
    })
  const first = await app.git('rev-parse', 'HEAD')

  await scene('A first deploy', async () => {
    assert.equal(await shipit('deploy').ended, 0)
    await assertRevision(fleet, first)
  })

  const second = await app.commit({ VERSION: '2\n' }, 'Version 2')
  await scene('A new commit, deployed', async () => {
    assert.equal(await shipit('deploy').ended, 0)
    await assertRevision(fleet, second)
  })

  await scene('The same commit again: its archive is reused, nothing is built or uploaded', async () => {
    const run = shipit('deploy')
    assert.equal(await run.ended, 0)
    assert.match(run.output, /Reusing archives\//)
    assert.doesNotMatch(run.output, /Running 'assets:build'/)
    await assertRevision(fleet, second)
  })

  const third = await app.commit({ VERSION: '3\n' }, 'Version 3')
  await scene('Two deploys at once: the second one is refused', async () => {
    const gate = join(directory, 'gate')
    execFileSync('mkfifo', [gate])
    const alice = shipit('deploy', 'alice | ', { USER: 'alice', HOLD_BUILD: gate })
    await alice.printed('assets:build')
    const bob = shipit('deploy', 'bob   | ', { USER: 'bob' })
    assert.equal(await bob.ended, 1)
    assert.match(bob.output, /E_LOCK_HELD/)
    await assertRevision(fleet, second)
    await writeFile(gate, 'go on')
    assert.equal(await alice.ended, 0)
    await assertRevision(fleet, third)
  })

  await scene('A rollback', async () => {
    assert.equal(await shipit('rollback').ended, 0)
    await assertRevision(fleet, second)
  })
}

async function environment(fleet: Fleet, s3: S3Server, app: SampleApp): Promise<NodeJS.ProcessEnv> {
  const credentials = { accessKeyId: s3.accessKeyId, secretAccessKey: s3.secretAccessKey }
  // Hides the SDK's warning about Node versions.
  process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] = 'true'
  const client = new S3Client({ endpoint: s3.endpoint, region: s3.region, credentials, forcePathStyle: true })
  await client.send(new CreateBucketCommand({ Bucket: 'deploys' }))
  client.destroy()
  await createProject(directory)
  return {
    ...process.env,
    // Keeps the demo's locks apart from the user's own deploys.
    XDG_STATE_HOME: join(directory, 'state'),
    SERVERS: JSON.stringify(fleet.servers),
    SSH_KEY: fleet.key,
    DEPLOY_TO,
    REPOSITORY_URL: app.directory,
    S3_BUCKET: 'deploys',
    S3_ENDPOINT: s3.endpoint,
    S3_REGION: s3.region,
    AWS_ACCESS_KEY_ID: s3.accessKeyId,
    AWS_SECRET_ACCESS_KEY: s3.secretAccessKey,
  }
}

async function scene(title: string, act: () => Promise<void>): Promise<void> {
  console.log(`\n━━ ${scenes.length + 1}. ${title}\n`)
  const from = performance.now()
  await act()
  scenes.push({ title, seconds: (performance.now() - from) / 1000 })
}

async function live(home: string): Promise<{ release: string; revision: string; since: Date }> {
  const current = join(home, DEPLOY_TO, 'current')
  const release = (await readlink(current)).replace('releases/', '')
  const revision = (await readFile(join(current, 'REVISION'), 'utf8')).trim()
  return { release, revision, since: (await lstat(current)).mtime }
}

async function assertRevision(fleet: Fleet, revision: string): Promise<void> {
  for (const { home } of fleet.hosts) assert.equal((await live(home)).revision, revision.trim())
}

async function report(fleet: Fleet): Promise<void> {
  console.log('\n━━ What happened\n')
  for (const [index, { title, seconds }] of scenes.entries()) {
    console.log(`  ${index + 1}. ${title.padEnd(75)} ${seconds.toFixed(1).padStart(5)} s`)
  }
  console.log('\n━━ What is live\n')
  console.log('  server  release         revision  since (UTC)')
  for (const { name, home } of fleet.hosts) {
    const { release, revision, since } = await live(home)
    console.log(
      `  ${name.padEnd(7)} ${release}  ${revision.slice(0, 8)}  ${since.toISOString().slice(11, 19)}`,
    )
  }
  console.log(closing({ seconds: (performance.now() - started) / 1000, stay: options.stay }))
}

async function stay(env: NodeJS.ProcessEnv): Promise<void> {
  const names = ['SERVERS', 'SSH_KEY', 'DEPLOY_TO', 'REPOSITORY_URL', 'S3_BUCKET', 'S3_ENDPOINT', 'S3_REGION']
  console.log(`\nIn another terminal:\n\n  cd ${directory}`)
  for (const name of [...names, 'XDG_STATE_HOME', 'AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY'])
    console.log(`  export ${name}='${env[name]}'`)
  console.log(`  npx shipit production deploy`)
  const terminal = createInterface({ input: process.stdin, output: process.stdout })
  await terminal.question('\nPress Enter to end the demo. ')
  terminal.close()
}
