import { execFile } from 'node:child_process'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest'
import { StorageProxy } from '../../testbed/storage-proxy.js'
import { Stage } from '../support/stage.js'

const NAMES = ['web1', 'web2']

/** The example with shared files and folders, and with these hooks. */
const shipitfile = (hooks: string): string => `
import { existsSync, readdirSync, readlinkSync } from 'node:fs'
import { execFileSync } from 'node:child_process'
import capistrano from 'shipit-capistrano'
import example from './shipitfile'
export default shipit => {
  example(shipit)
  const { before, after } = capistrano(shipit)
  Object.assign(shipit.config, { linkedFiles: ['.env'], linkedDirs: ['log'], keepReleases: 1 })
  const web1 = process.env.WEB1
  ${hooks}
}
`

let stage: Stage
let plain: string
beforeAll(async () => {
  stage = await Stage.create({ names: NAMES })
  for (const name of NAMES) {
    await mkdir(stage.path(name, 'shared'), { recursive: true })
    await writeFile(stage.path(name, 'shared/.env'), 'x')
  }
  plain = await stage.shipitfile('plain.ts', shipitfile(''))
  await stage.run('deploy', {}, plain)
})
afterAll(() => stage.close())

let commits = 0
beforeEach(async () => {
  commits += 1
  await stage.app.commit({ VERSION: `${commits}\n` }, `Version ${commits}`)
})

interface Record {
  readonly kind: string
  readonly result: string
  readonly tasks: readonly { readonly task: string; readonly failed?: true }[]
  readonly servers: readonly {
    readonly server: string
    readonly trips: number
    readonly spans: readonly { readonly what: string }[]
  }[]
}

/** The newest run's timeline. */
async function timeline(): Promise<Record> {
  const folder = join(stage.directory, '.local_net_storage/timeline')
  const newest = (await readdir(folder)).toSorted().at(-1) ?? ''
  return JSON.parse(await readFile(join(folder, newest), 'utf8')) as Record
}

/** The sessions that web1 has seen. */
async function sessions(): Promise<number> {
  const log = await readFile(stage.fleet.host('web1').log, 'utf8')
  return log.match(/Starting session/g)?.length ?? 0
}

/** Deploys with hooks, and returns what it printed. */
async function deploy(name: string, hooks: string, env: NodeJS.ProcessEnv = {}): Promise<string> {
  const file = await stage.shipitfile(`${name}.ts`, shipitfile(hooks))
  const { status, output } = await stage.run('deploy', { WEB1: stage.path('web1'), ...env }, file)
  expect(output).toContain('is live on 2 servers')
  expect(status).toBe(0)
  return output
}

describe('a deploy', () => {
  it('asks each server four times, in one session, and keeps the names of its tasks', async () => {
    const before = await sessions()
    await deploy('plain', '')
    const { kind, result, servers, tasks } = await timeline()
    expect({ kind, result }).toEqual({ kind: 'deploy', result: 'succeeded' })
    expect(servers.map(({ server, trips }) => [server, trips])).toEqual(
      expect.arrayContaining(NAMES.map((name) => [name, 4])),
    )
    expect((await sessions()) - before).toBe(1)
    expect(tasks.map(({ task }) => task)).toEqual(
      expect.arrayContaining([
        'deploy:check:directories',
        'deploy:check:linked_dirs',
        'deploy:check:make_linked_dirs',
        'deploy:check:linked_files',
        'net_storage:check',
        'deploy:check',
        'net_storage:create_release',
        'deploy:symlink:linked_files',
        'deploy:symlink:linked_dirs',
        'net_storage:upload_config_files',
        'deploy:publish',
        'deploy:clean',
        'net_storage:cleanup',
        'deploy:log_revision',
      ]),
    )
    const spans = servers.flatMap((server) => server.spans.map(({ what }) => what))
    for (const what of ['connect', 'check', 'fetch', 'verify', 'unpack', 'flip'])
      expect(spans).toContain(what)
  })

  it('makes complete releases: linked, with config files, and old ones removed', async () => {
    await deploy('complete', '')
    for (const name of NAMES) {
      const release = stage.path(name, 'current')
      expect(await readFile(join(release, '.env'), 'utf8')).toBe('x')
      expect(await readdir(release)).toEqual(expect.arrayContaining(['log', 'REVISION', 'VERSION']))
      expect(await readFile(join(release, 'config/database.json'), 'utf8')).toContain('canary-password')
      expect(await stage.releases(name)).toHaveLength(1)
    }
  })

  it("records in each server's deploy log what took how long there", async () => {
    await deploy('logged', '')
    const lines = (await readFile(stage.path('web2', 'deploys.jsonl'), 'utf8')).trim().split('\n')
    const record = JSON.parse(lines.at(-1) ?? '') as { took: { tasks: object; server: object } }
    expect(Object.keys(record.took.tasks)).toContain('net_storage:create_release')
    expect(Object.values(record.took.server).every((seconds) => typeof seconds === 'number')).toBe(true)
    expect(Object.keys(record.took.server)).toContain('connect')
  })

  it('sends config files that are too large for a script, and by rsync, before the release is finished', async () => {
    const file = join(stage.directory, 'config/production/large.json')
    const large = `"${'x'.repeat(100_000)}"`
    await writeFile(file, large)
    const before = await sessions()
    await deploy('large', '')
    expect(await readFile(stage.path('web1', 'current/config/large.json'), 'utf8')).toBe(large)
    expect((await sessions()) - before).toBe(2)
    await deploy('rsync', "shipit.config.netStorage.uploadConfigFilesBy = 'rsync'")
    expect(await readFile(stage.path('web1', 'current/config/large.json'), 'utf8')).toBe(large)
    await promisify(execFile)('rm', [file])
  })

  it('is a failed run in its timeline, with the task that failed', async () => {
    const file = await stage.shipitfile(
      'fails.ts',
      shipitfile("after('deploy:updated', 'no', () => { throw new Error('no') })"),
    )
    const { status } = await stage.run('deploy', {}, file)
    expect(status).toBe(1)
    const { result, tasks } = await timeline()
    expect(result).toBe('failed')
    expect(tasks.filter(({ failed }) => failed).map(({ task }) => task)).toEqual(['no'])
  })
})

describe('one hook in between puts it back to one after the other:', () => {
  it('among checks, it sees what those before it did, and nothing of those after it', async () => {
    for (const name of NAMES) await promisify(execFile)('rm', ['-rf', stage.path(name, 'shared/log')])
    const output = await deploy(
      'among-checks',
      `before('deploy:check:linked_dirs', 'look', () => shipit.log('log: ' + existsSync(web1 + '/shared/log')))
       after('deploy:check:linked_dirs', 'look:again', () => shipit.log('then: ' + existsSync(web1 + '/shared/log')))`,
    )
    expect(output).toContain('log: false')
    expect(output).toContain('then: true')
  })

  it('while the release is made, it sees it unpacked, but not linked', async () => {
    const output = await deploy(
      'while-making',
      `before('deploy:symlink:linked_dirs', 'look', () => {
         const staging = web1 + '/releases/.staging-' + shipit.releaseDirname
         shipit.log('staged: ' + readdirSync(staging).includes('VERSION') + ', linked: ' + existsSync(staging + '/log'))
       })`,
    )
    expect(output).toContain('staged: true, linked: false')
  })

  it('after the clean-up, it sees that old releases are gone; so do listeners', async () => {
    const output = await deploy(
      'after-cleaning',
      `const look = when => shipit.log(when + ': ' + readdirSync(web1 + '/releases').length)
       before('deploy:clean', 'look', () => look('before'))
       shipit.on('cleaned', () => look('cleaned'))
       after('net_storage:cleanup', 'look:again', () => look('after'))`,
    )
    expect(output).toContain('before: 2')
    expect(output).toContain('cleaned: 1')
    expect(output).toContain('after: 1')
  })

  it('for listeners of tasks, each task ends once its work is done', async () => {
    for (const name of NAMES) await promisify(execFile)('rm', ['-rf', stage.path(name, 'shared/log')])
    const output = await deploy(
      'watched',
      `shipit.on('task_stop', ({ task }) => {
         if (task === 'deploy:check:linked_dirs') shipit.log('log: ' + existsSync(web1 + '/shared/log'))
       })`,
    )
    expect(output).toContain('log: true')
  })
})

describe('at the same time', () => {
  let proxy: StorageProxy
  beforeEach(async () => {
    proxy = await StorageProxy.start(inject('s3').endpoint)
  })
  afterEach(() => proxy.stop())

  it('servers are checked, the mirror is updated, and the archive is looked up', async () => {
    const lookedUp = new Promise<void>((resolve) => {
      // A server's try of storage is answered only after the deploy machine has looked for the commit's manifest.
      proxy.interfere = async ({ method, url = '' }) => {
        if (method === 'GET' && url.includes('/manifests/')) resolve()
        if (method === 'GET' && url.includes('/checks/')) await lookedUp
        return false
      }
    })
    await deploy('parallel', '', { S3_ENDPOINT: proxy.endpoint })
    const tries = proxy.requests.filter(({ url = '' }) => /\/checks\/[0-9a-f]{8}-/.test(url))
    expect(tries.filter(({ method }) => method === 'GET').length).toBeGreaterThanOrEqual(NAMES.length)
  })

  it('nothing is looked up before a hook that may push a commit', async () => {
    const output = await deploy(
      'pushes',
      `before('deploy:started', 'push', () => {
         execFileSync('git', ['-c', 'user.name=x', '-c', 'user.email=x@example.com', 'commit', '--quiet', '--allow-empty', '-m', 'Late'], { cwd: process.env.REPOSITORY_URL })
         shipit.log('pushed ' + execFileSync('git', ['rev-parse', 'HEAD'], { cwd: process.env.REPOSITORY_URL }))
       })`,
    )
    const [, pushed] = /pushed ([0-9a-f]{40})/.exec(output) ?? []
    expect(pushed).toBeDefined()
    expect(await stage.live()).toEqual(NAMES.map(() => pushed))
  })
})
