import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { Stage } from '../support/stage.js'
import { shipitfile, type Setup } from './modes.js'

const BUILD = `
  shipit.on('fetched', () => shipit.start('build'))
  shipit.blTask('build', () => shipit.local('echo "$BUILT" >built.txt', { cwd: shipit.workspace }))
`

let stage: Stage
beforeAll(async () => {
  stage = await Stage.create({ names: ['web1'] })
})
afterAll(() => stage.close())

interface Ended {
  readonly status: number | string
  readonly output: string
}

/** Runs a task of a set-up in pull mode, with its own archives. */
async function run(name: string, setup: Setup, env: NodeJS.ProcessEnv = {}, task = 'deploy'): Promise<Ended> {
  const file = await stage.shipitfile(`${name}.cjs`, shipitfile('pull', setup))
  return stage.run(task, { TRACE: '/dev/null', S3_PREFIX: name, ...env }, file)
}

const live = (path: string): Promise<string> => readFile(stage.path('web1', 'current', path), 'utf8')
const liveFiles = async (): Promise<string[]> =>
  (await readdir(stage.path('web1', 'current'))).toSorted((a, b) => (a < b ? -1 : 1))

it('reuses the archive if the build at fetched has the same result, and makes a new one if not', async () => {
  const first = await run('content', { body: BUILD }, { BUILT: 'one' })
  expect(first.output).toContain(
    "Creating the workspace before checking storage: on('fetched') 1 may build in it.",
  )
  expect(first.output).toMatch(/Finished 'build'.*Running 'net_storage:upload_archive'.*Uploaded /s)
  expect(await live('built.txt')).toBe('one\n')

  const same = await run('content', { body: BUILD }, { BUILT: 'one' })
  expect(same.output).toMatch(/Finished 'build'.*Reusing archives\//s)
  expect(same.output).not.toContain('Uploaded')

  const other = await run('content', { body: BUILD }, { BUILT: 'two' })
  expect(other.output).toMatch(/in storage does not match: content was \w+, now \w+\..*Uploaded /s)
  expect(await live('built.txt')).toBe('two\n')
  for (const { status } of [first, same, other]) expect(status).toBe(0)
})

it('runs builds that listen to fetched also when only the archive is made', async () => {
  const made = await run('ahead', { body: BUILD }, { BUILT: 'ahead' }, 'net_storage:upload_archive')
  expect(made.output).toMatch(/Finished 'build'.*Uploaded /s)
  expect(made.status).toBe(0)

  const pulled = await run('ahead', { body: BUILD }, { BUILT: 'not this' }, 'net_storage:pull_deploy')
  expect(pulled.output).toContain(
    "Nothing is built: the archive in storage is deployed. Any output of on('fetched') 1 is ignored.",
  )
  expect(pulled.output).not.toContain("Running 'build'")
  expect(pulled.status).toBe(0)
  expect(await live('built.txt')).toBe('ahead\n')
})

it('waits for a plain task that builds before packing', async () => {
  const body = `
    shipit.on('fetched', () => shipit.start('build'))
    shipit.task('build', async () => {
      // Long after anything that could run in parallel.
      for (let turn = 0; turn < 20; turn += 1) await shipit.local('true')
      writeFileSync(shipit.workspace + '/built.txt', 'late')
    })`
  expect((await run('late', { body })).status).toBe(0)
  expect(await live('built.txt')).toBe('late')
})

it('makes no workspace for a custom task list or for hooks if none of them builds', async () => {
  const body = `
    const { before, after } = require('shipit-capistrano')(shipit)
    before('deploy:starting', 'notify:start', () => {})
    after('deploy:published', 'notify', () => {})
    shipit.task('publish:now', ['deploy:fetch', 'deploy:update', 'deploy:publish'])`
  for (const task of ['deploy', 'publish:now', 'deploy']) {
    const { status, output } = await run('lists', { body }, {}, task)
    expect(status).toBe(0)
    expect(output.split("Finished 'deploy:fetch'")[0]).not.toContain('net_storage:prepare_archive')
  }
})

it('does not publish a failed build, and reports it', async () => {
  const before = await stage.live()
  const body = BUILD.replace('echo "$BUILT" >built.txt', 'exit 3')
  const { status, output } = await run('failing', { body })
  expect(status).toBe(1)
  expect(output).toContain("'build' errored")
  expect(output).not.toContain("Running 'net_storage:upload_archive'")
  expect(await stage.live()).toEqual(before)
})

it('packs what ignores and dirToCopy leave, and reports what is not installed', async () => {
  await stage.app.commit(
    {
      'api/package.json': '{ "name": "api", "version": "1.0.0", "dependencies": { "left": "1.0.0" } }\n',
      'api/package-lock.json': '{}\n',
      'api/index.js': '',
      'api/docs/index.md': '',
      '-x/$HOME `id`': '',
    },
    'An application in a folder',
  )
  const folder = await run('folder', { settings: `dirToCopy: 'api', ignores: ['docs', 'package*'],` })
  expect(folder.status).toBe(0)
  expect(await liveFiles()).toEqual(['REVISION', 'REVISION_TIME', 'index.js'])

  const settings = `ignores: ['/api', '/bin', 'config', '*.js*', '.git*', 'README.md', 'VERSION'],`
  expect((await run('odd', { settings })).status).toBe(0)
  expect(await liveFiles()).toEqual(['-x', 'REVISION', 'REVISION_TIME'])
  expect(await readdir(stage.path('web1', 'current/-x'))).toEqual(['$HOME `id`'])

  await stage.app.git('mv', 'api/package-lock.json', 'package-lock.json')
  await stage.app.commit({}, 'A lockfile')
  const { status, output } = await run('modules', { settings: `ignores: ['node_modules'],` })
  expect(status).toBe(0)
  expect(output).toContain('Nothing is installed for package-lock.json: ignores excludes node_modules.')
})

it('rejects settings for a copy that is not made, each with a remedy', async () => {
  const before = await stage.bucket.keys()
  const { status, output } = await run('refused', {
    settings: `
      rsyncFrom: '/tmp/x', rsync: '--chmod=D755', copy: '-r', deploy: { remoteCopy: { copyAsDir: true } },
      dirToCopy: '../elsewhere', ignores: 'src',`,
  })
  expect(status).toBe(1)
  const words = ['ignores', 'dirToCopy', 'rsyncFrom', 'rsync', 'copy', 'deploy.remoteCopy']
  expect(words.filter((word) => !new RegExp(`^ {2}${word}: \\w`, 'm').test(output))).toEqual([])
  expect(output).toContain('nothing was started')
  expect(output).toContain('exclude files with ignores')
  expect(output).not.toMatch(/^\s+at /m)
  expect(await stage.bucket.keys()).toEqual(before)
})

it('keeps the workspace only with keepWorkspace, and only until the next deploy', async () => {
  const localBase = join(stage.directory, 'kept')
  const workspaces = async (settings: string): Promise<string[]> => {
    expect((await run('kept', { settings }, { LOCAL_BASE_PATH: localBase })).status).toBe(0)
    return (await readdir(join(localBase, 'releases'))).filter((name) => /^\d+$/.test(name))
  }
  expect(await workspaces('')).toEqual([])
  const [kept = ''] = await workspaces('keepWorkspace: true,')
  expect(await readdir(join(localBase, 'releases', kept))).toContain('server.js')
  expect(await workspaces('keepWorkspace: true,')).toEqual([expect.not.stringMatching(kept)])
  expect(await workspaces('')).toEqual([])
})
