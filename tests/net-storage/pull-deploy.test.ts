import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Status } from 'shipit-capistrano'
import type { Manifest } from 'shipit-net-storage'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createProject, startShipit } from '../../testbed/shipit.js'
import { Stage } from '../support/stage.js'

/** The example, which reuses no archive. */
const REBUILDING = `
import example from './shipitfile'
export default shipit => {
  example(shipit)
  Object.assign(shipit.config.netStorage, { reuseArchive: false, archiver: process.env.ARCHIVER })
}
`

/** The example, without its checks. */
const UNCHECKED = `
import example from './shipitfile'
export default shipit => {
  example(shipit)
  shipit.blTask('net_storage:check', () => {})
}
`

let stage: Stage
/** A second checkout, in place of a second deploy machine. */
let elsewhere: string
beforeAll(async () => {
  stage = await Stage.create()
  elsewhere = await mkdtemp(join(tmpdir(), 'elsewhere-'))
  await createProject(elsewhere)
})
afterAll(async () => {
  await stage.close()
  await rm(elsewhere, { recursive: true, force: true })
})

const both = { HOSTS: 'web1,web2' }
const newcomer = { HOSTS: 'web3' }

async function runElsewhere(
  task: string,
  env: NodeJS.ProcessEnv = {},
  shipitfile?: string,
): Promise<{ status: number | string; output: string }> {
  const all = { ...stage.env, HOME: elsewhere, ...env }
  const run = startShipit(task, { cwd: elsewhere, env: all, ...(shipitfile ? { shipitfile } : {}) })
  return { status: await run.ended, output: run.output }
}

async function status(env: NodeJS.ProcessEnv = {}): Promise<Status> {
  const { stdout } = await stage.run('deploy:status', { ...env, FORMAT: 'json' })
  return JSON.parse(stdout) as Status
}

async function release(host: string): Promise<string | null | undefined> {
  return (await status()).servers.find(({ server }) => server === host)?.release
}

it('pulls nothing that storage lacks, and names the task that uploads it', async () => {
  const { status: code, output } = await stage.run('net_storage:pull_deploy', both)
  expect(code).toBe(1)
  expect(output).toMatch(
    /no archive of [0-9a-f]{40} to pull: storage has no archive of it\. .*shipit production net_storage:upload_archive.*\[E_NO_ARCHIVE\]/,
  )
  expect(await stage.live()).toEqual([undefined, undefined, undefined])
  expect(await stage.bucket.keys()).toEqual([
    'shop/in_use/shop.production.json',
    'shop/locks/shop.production.json',
  ])
})

it('pulls on one machine what another one built', async () => {
  expect((await stage.run('net_storage:upload_archive')).status).toBe(0)
  const { status: code, output } = await runElsewhere('net_storage:pull_deploy', both)
  expect(output).toContain('is live on 2 servers')
  expect(output).not.toContain("Running 'assets:build'")
  expect(output).toContain('Locked shop.production, ')
  expect(code).toBe(0)
  expect((await stage.live()).slice(0, 2)).not.toContain(undefined)
})

it('builds byte-identical archives on any machine at any time', async () => {
  const sha256 = async (): Promise<string> => {
    const revision = await stage.app.git('rev-parse', 'HEAD')
    const { content: manifest } = await stage.bucket.manifest(revision)
    return (JSON.parse(manifest) as Manifest).parts[0]?.sha256 ?? ''
  }
  await stage.shipitfile('rebuilding.ts', REBUILDING)
  for (const archiver of ['tar.gz', 'tar.zst', 'zip']) {
    const env = { ARCHIVER: archiver }
    expect((await stage.run('net_storage:upload_archive', env, 'rebuilding.ts')).status).toBe(0)
    const here = await sha256()
    await rm(join(elsewhere, '.local_net_storage'), { recursive: true, force: true })
    const there = await runElsewhere(
      'net_storage:upload_archive',
      env,
      join(stage.directory, 'rebuilding.ts'),
    )
    expect(there.output).toMatch(new RegExp(`Uploaded .*\\.${archiver.replace('.', '\\.')}, `))
    expect(await sha256()).toBe(here)
  }
})

it("brings a new server to the others' release, though the branch has moved on", async () => {
  await stage.app.commit({ VERSION: '2\n' }, 'Version 2')
  expect((await stage.run('deploy', both)).status).toBe(0)
  await stage.app.commit({ VERSION: '3\n' }, 'Version 3')
  const { status: code, output } = await stage.run('net_storage:pull_deploy', newcomer)
  expect(output).toMatch(/The other servers run release \d{14}, commit [0-9a-f]{40}\./)
  expect(code).toBe(0)
  const [one, two, three] = await stage.live()
  expect([two, three]).toEqual([one, one])
  expect(await release('web3')).toBe(await release('web1'))
})

it('can be repeated, also if the shipitfile has no checks', async () => {
  const before = await release('web3')
  const unchecked = await stage.shipitfile('unchecked.ts', UNCHECKED)
  const { status: code, output } = await stage.run('net_storage:pull_deploy', newcomer, unchecked)
  expect(output).toContain(`release ${before} already exists`)
  expect(code).toBe(0)
  expect(await release('web3')).toBe(before)
})

it('a rollback brings the release to a server that was added later', async () => {
  const [, , newest] = await stage.live()
  const before = await stage.app.git('rev-parse', 'HEAD~2')
  const { status: code, output } = await stage.run('rollback')
  expect(output).toMatch(new RegExp(`web3 does not have release \\d{14}, commit ${before}: restoring it`))
  expect(code).toBe(0)
  expect(await stage.live()).toEqual([before, before, before])
  expect(await release('web3')).toBe(await release('web1'))
  expect(await readFile(stage.path('web3', 'current/config/database.json'), 'utf8')).toContain('password')
  expect(await readFile(stage.path('web3', 'current/public/build.json'), 'utf8')).toContain('{')
  // Forward again.
  const name = (await stage.releases('web3')).findLast((each) => /^\d{14}$/.test(each)) ?? ''
  expect((await stage.run('rollback', { ROLLBACK_RELEASE: name })).status).toBe(0)
  expect(await stage.live()).toEqual([newest, newest, newest])
})

it('reports which server lacks the release, and what to do, if storage no longer has it', async () => {
  const before = await stage.app.git('rev-parse', 'HEAD~2')
  for (const name of await readdir(stage.path('web3', 'releases')))
    if (name !== (await release('web3'))) await rm(stage.path('web3', 'releases', name), { recursive: true })
  const { key, content: manifest } = await stage.bucket.manifest(before)
  await stage.bucket.remove(key)
  const live = await stage.live()
  const { status: code, output } = await stage.run('rollback')
  await stage.bucket.write(key, manifest)
  expect(code).toBe(1)
  expect(output).toMatch(
    /Can't roll back: web3 does not have release \d{14}, commit [0-9a-f]{40}\. It can't be fetched: storage has no archive of it\. Choose another .* leave web3 out with HOSTS, or deploy that commit again\. \[E_NO_ROLLBACK\]/,
  )
  expect(await stage.live()).toEqual(live)
})

it('does not break later deploys and rollbacks of all servers', async () => {
  const before = await stage.live()
  expect((await stage.run('deploy')).status).toBe(0)
  const after = await stage.live()
  expect(new Set(after).size).toBe(1)
  expect(after).not.toEqual(before)
  expect((await stage.run('rollback')).status).toBe(0)
  expect(await stage.live()).toEqual(before)
})

it('fetches in advance: the deploy neither builds nor downloads', async () => {
  const revision = await stage.app.commit({ VERSION: '4\n' }, 'Version 4')
  const before = await stage.live()
  expect((await stage.run('net_storage:prefetch')).status).toBe(0)
  expect(await stage.live()).toEqual(before)
  const { servers } = await status()
  expect(servers.map(({ more }) => more['prefetched'])).toEqual(Array(3).fill(revision.slice(0, 12)))

  const { status: code, output } = await stage.run('deploy')
  expect(code).toBe(0)
  expect(output).toContain('Reusing archives/')
  expect(output).not.toContain('fetched and verified')
  expect(await stage.live()).toEqual([revision, revision, revision])
  expect((await status()).servers.map(({ more }) => more['prefetched'])).toEqual(['-', '-', '-'])
})

it('keeps a prefetched archive while another commit is deployed, and can also unpack it', async () => {
  const shipitfile = await stage.shipitfile(
    'extract.ts',
    `import example from './shipitfile'
     export default shipit => { example(shipit); shipit.config.netStorage.prefetch = 'extract' }`,
  )
  const ahead = await stage.app.commit({ VERSION: '5\n', 'public/new.txt': 'new' }, 'Version 5')
  expect((await stage.run('net_storage:prefetch', {}, shipitfile)).status).toBe(0)
  const hotfix = await stage.app.commit({ VERSION: '4.1\n' }, 'Version 4.1')
  expect((await stage.run('deploy')).status).toBe(0)
  expect(await stage.live()).toEqual([hotfix, hotfix, hotfix])

  const { status: code, output } = await stage.run('deploy', { BRANCH: ahead }, shipitfile)
  expect(code).toBe(0)
  expect(output.match(/was unpacked in advance/g)).toHaveLength(3)
  expect(await stage.live()).toEqual([ahead, ahead, ahead])
  expect(await readFile(stage.path('web2', 'current/public/new.txt'), 'utf8')).toBe('new')
  const left = await readdir(stage.path('web2', 'releases'))
  expect(left.filter((name) => name.startsWith('.'))).toEqual([])
})

it('reports what is live where, since when, by whom, what differs, and who holds the lock', async () => {
  expect((await stage.run('rollback', newcomer)).status).toBe(0)
  const { environment, servers, more } = await status()
  expect(environment).toBe('production')
  expect(servers.map(({ server, differs }) => [server, differs])).toEqual([
    ['web1', false],
    ['web2', false],
    ['web3', true],
  ])
  expect(servers[0]).toMatchObject({
    release: expect.stringMatching(/^\d{14}$/),
    revision: expect.stringMatching(/^[0-9a-f]{40}$/),
    since: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
    by: 'tester',
    releases: 5,
  })
  expect(more['lock']).toBe('free')
  await stage.fleet.host('web2').stop()
  const { output } = await stage.run('deploy:status')
  expect(output).toMatch(/^server +release +revision +since \(UTC\) +by +releases +prefetched/m)
  expect(output).toMatch(/^web3 .*differs from most servers$/m)
  expect(output).toMatch(/^web2 .*cannot connect with ssh/m)
  await stage.fleet.host('web2').start()
})

it('leaves other folders in releases alone', async () => {
  await mkdir(stage.path('web1', 'releases/.mine'))
  expect((await stage.run('deploy')).status).toBe(0)
  expect(await readdir(stage.path('web1', 'releases'))).toContain('.mine')
})
