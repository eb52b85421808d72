import { execFileSync } from 'node:child_process'
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createSampleApp } from '../../testbed/sample-app.js'
import { Stage } from '../support/stage.js'
import { WITH_SETTINGS } from '../support/with-settings.js'

let stage: Stage
let shipitfile: string
beforeAll(async () => {
  stage = await Stage.create({ names: ['web1'] })
  shipitfile = await stage.shipitfile('repository.ts', WITH_SETTINGS)
})
afterAll(() => stage.close())

const deploy = (
  settings: object,
  env: NodeJS.ProcessEnv = {},
): Promise<{ status: number | string; output: string }> =>
  stage.run('deploy', { SETTINGS: JSON.stringify(settings), ...env }, shipitfile)

const live = (...parts: string[]): Promise<string> =>
  readFile(stage.path('web1', 'current', ...parts), 'utf8')

it('honours export-ignore, and keeps its mirror up to date when history is rewritten', async () => {
  await stage.app.commit({ '.gitattributes': 'secret export-ignore\n', secret: 'x', kept: '1' }, 'Attributes')
  expect((await deploy({})).status).toBe(0)
  expect(await readdir(stage.path('web1', 'current'))).not.toContain('secret')
  await stage.app.git('reset', '--hard', '--quiet', 'HEAD~1')
  const rewritten = await stage.app.commit({ kept: '2' }, 'Another history')
  expect((await deploy({})).status).toBe(0)
  expect(await stage.live()).toEqual([rewritten])
})

it.each(['with a mirror from before', 'without a mirror'])(
  'deploys the branch of a shallow clone, %s',
  async (mirror) => {
    const revision = await stage.app.commit({ kept: mirror }, 'Shallow')
    const clone = join(stage.directory, `clone ${mirror}`)
    execFileSync('git', ['clone', '--quiet', '--depth=1', `file://${stage.app.directory}`, clone])
    if (mirror === 'without a mirror')
      await rm(join(stage.directory, '.local_net_storage/mirror'), { recursive: true })
    const { status, output } = await deploy({}, { REPOSITORY_URL: clone })
    expect(output).toContain(`main is commit ${revision}.`)
    expect(status).toBe(0)
    expect(await live('kept')).toBe(mirror)
  },
)

it('lists pending commits again after a shallow clone, and reports a history that is too short', async () => {
  const whole = await stage.app.commit({ kept: 'whole' }, 'Whole')
  const pending = (env: NodeJS.ProcessEnv): Promise<{ status: number | string; output: string }> =>
    stage.run('pending', { SETTINGS: '{}', ...env }, shipitfile)
  expect((await pending({})).output).toMatch(/Pending commits:\n[0-9a-f]+: Whole - /)
  expect((await deploy({})).status).toBe(0)
  expect(await stage.live()).toEqual([whole])
  await stage.app.commit({ kept: 'later' }, 'Later')
  await stage.app.commit({ kept: 'latest' }, 'Latest')
  const clone = join(stage.directory, 'clone')
  execFileSync('git', ['clone', '--quiet', '--depth=1', `file://${stage.app.directory}`, clone])
  await rm(join(stage.directory, '.local_net_storage/mirror'), { recursive: true })
  const { status, output } = await pending({ REPOSITORY_URL: clone })
  expect(output).toContain(`The deployed commit ${whole} is not in ${clone}`)
  expect(output).not.toMatch(/^\s+at /m)
  expect(status).toBe(1)
})

it('recovers from what a killed git left in the mirror', async () => {
  const mirror = join(stage.directory, '.local_net_storage/mirror')
  await writeFile(join(mirror, 'packed-refs.lock'), '')
  await writeFile(join(mirror, 'shallow.lock'), '')
  await mkdir(join(mirror, 'refs/heads'), { recursive: true })
  await writeFile(join(mirror, 'refs/heads/main.lock'), '')
  await stage.app.commit({ kept: '3' }, 'After the kill')
  expect((await deploy({})).status).toBe(0)
  expect(await live('kept')).toBe('3')

  await rm(join(mirror, 'objects'), { recursive: true })
  await stage.app.commit({ kept: '4' }, 'After worse')
  expect((await deploy({})).status).toBe(0)
  expect(await live('kept')).toBe('4')
})

it('never mistakes another repository for its mirror', async () => {
  const mirror = join(stage.directory, '.local_net_storage/mirror')
  // The project's own repository contains the mirror, and one of its hooks may start a deploy.
  const own = await createSampleApp(join(stage.directory, 'own'))
  await rename(join(stage.directory, 'own/.git'), join(stage.directory, '.git'))
  const git = (...args: string[]): string =>
    execFileSync('git', args, { cwd: stage.directory, encoding: 'utf8' })
  git('branch', '--move', 'ops')
  git('branch', 'precious')
  const before = git('for-each-ref')
  try {
    await rm(join(mirror, 'objects'), { recursive: true })
    const hook = { GIT_DIR: '.git', GIT_INDEX_FILE: '.git/index', GIT_WORK_TREE: '.', GIT_PREFIX: '' }
    for (const env of [{}, hook]) {
      const kept = `with ${Object.keys(env).join(', ')}`
      await stage.app.commit({ kept }, 'After worst')
      const { status } = await deploy({}, env)
      expect(git('for-each-ref')).toBe(before)
      expect(status).toBe(0)
      expect(await live('kept')).toBe(kept)
    }
  } finally {
    await rm(join(stage.directory, '.git'), { recursive: true })
    await rm(own.directory, { recursive: true })
  }
})

it('deploys nested submodules with updateSubmodules', async () => {
  const [library, inner] = await Promise.all(
    ['library', 'inner'].map((name) => createSampleApp(join(stage.directory, name))),
  )
  if (!library || !inner) throw new Error('no repositories')
  const add = async (into: typeof library, url: string, path: string): Promise<void> => {
    await into.git('-c', 'protocol.file.allow=always', 'submodule', '--quiet', 'add', '--', url, path)
  }
  await inner.commit({ inner: 'of the inner one' }, 'Inner')
  await add(library, inner.directory, 'deep/inner')
  await library.commit(
    { library: 'of the library', '.gitattributes': 'unwanted export-ignore\n', unwanted: '' },
    'Library',
  )
  // Relative to the repository itself.
  await add(stage.app, '../library', 'services/a library')
  await stage.app.commit({ 'services/api': 'x' }, 'With a submodule')
  const gitConfig = { 'protocol.file.allow': 'always' }

  expect((await deploy({})).status).toBe(0)
  expect(await readdir(stage.path('web1', 'current/services/a library'))).toEqual([])

  const { status, output } = await deploy({ updateSubmodules: true, gitConfig })
  expect(output).toContain('submodules was false, now true')
  expect(status).toBe(0)
  expect(await live('services/a library/library')).toBe('of the library')
  expect(await live('services/a library/deep/inner/inner')).toBe('of the inner one')
  expect(await readdir(stage.path('web1', 'current/services/a library'))).not.toContain('unwanted')
  expect((await stat(stage.path('web1', 'current/services/a library/bin/start'))).mode & 0o777).toBe(0o755)

  expect(
    (await deploy({ updateSubmodules: true, gitConfig, netStorage: { repoTree: 'services/' } })).status,
  ).toBe(0)
  expect(await live('a library/deep/inner/inner')).toBe('of the inner one')
  expect(await live('api')).toBe('x')
  expect(await readdir(join(stage.directory, '.local_net_storage'))).toEqual([
    '.gitignore',
    'mirror',
    'releases',
    'timeline',
  ])
})

it('resolves submodule URLs per commit, and relative to each submodule', async () => {
  const place = (name: string): string => join(stage.directory, 'another place', name)
  const [inner, moved] = await Promise.all(['inner', 'moved'].map((name) => createSampleApp(place(name))))
  const add = ['-c', 'protocol.file.allow=always', 'submodule', '--quiet', 'add', '--']
  await inner?.commit({ inner: 'of the other place' }, 'Inner')
  await moved?.git(...add, inner?.directory ?? '', 'inner')
  // Relative to the submodule, not to the application.
  await moved?.git('config', '--file', '.gitmodules', 'submodule.inner.url', '../inner')
  await moved?.commit({ moved: 'here it is' }, 'Moved')

  // The next commit points an earlier test's submodule at another repository.
  const name = 'services/a library'
  const url = moved?.directory ?? ''
  await stage.app.git('config', '--file', '.gitmodules', `submodule.${name}.url`, url)
  await stage.app.git('-C', name, 'fetch', '--quiet', url, 'main')
  await stage.app.git('-C', name, 'checkout', '--quiet', 'FETCH_HEAD')
  const revision = await stage.app.commit({}, 'Another library')
  const { status } = await deploy({ updateSubmodules: true, gitConfig: { 'protocol.file.allow': 'always' } })
  expect(status).toBe(0)
  expect(await stage.live()).toEqual([revision])
  expect(await live(name, 'moved')).toBe('here it is')
  expect(await live(name, 'inner/inner')).toBe('of the other place')
})

it("shows git's error when a submodule cannot be fetched", async () => {
  const { status, output } = await deploy({ updateSubmodules: true, netStorage: { reuseArchive: false } })
  expect(status).toBe(1)
  expect(output).toMatch(/Can't extract commit [0-9a-f]{40} .*git says: .*transport 'file' not allowed/s)
})

it('leaves only the working trees of failed deploys in the mirror', () => {
  const cwd = join(stage.directory, '.local_net_storage/mirror')
  const list = execFileSync('git', ['worktree', 'list'], { cwd, encoding: 'utf8' }).trim().split('\n')
  expect(list.filter((line) => !line.includes('/.local_net_storage/releases/'))).toHaveLength(1)
})
