import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readdir, readFile, readlink, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { scriptsIn, type Variables } from 'shipit-capistrano'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { findProgram } from '../../testbed/find-program.js'
import { Stage } from '../support/stage.js'

const SCRIPT = scriptsIn(new URL('../../packages/capistrano/server/', import.meta.url))('publish')

const TOOLS = ['ln', 'mv', 'rm', 'readlink', 'sleep', 'kill', 'ps']

describe.each([
  ['dash', ['dash']],
  ['bash', ['bash', '--posix', '--norc']],
  ['busybox ash', ['busybox', 'ash']],
] as const)('publish.sh in %s', (_, [shell, ...shellArguments]) => {
  describe.each([
    ['with flock', [...TOOLS, 'flock']],
    ['without flock', TOOLS],
  ])('%s', (__, tools) => {
    let folder: string
    let deployTo: string
    let bin: string
    beforeEach(async () => {
      folder = await mkdtemp(join(tmpdir(), "publish script's $(x)-"))
      deployTo = join(folder, 'app')
      bin = join(folder, 'bin')
      await mkdir(bin)
      await Promise.all(tools.map(async (tool) => symlink(await findProgram(tool), join(bin, tool))))
      for (let release = 0; release <= 12; release += 1) {
        await mkdir(join(deployTo, 'releases', String(release)), { recursive: true })
      }
    })
    afterEach(() => rm(folder, { recursive: true, force: true }))

    const run = async (variables: Variables): Promise<{ status: number; output: string }> => {
      const loader = `IFS= read -r s && eval "$s"`
      const child = spawn(await findProgram(shell), [...shellArguments, '-c', loader], { env: { PATH: bin } })
      let output = ''
      for (const stream of [child.stdout, child.stderr])
        stream.setEncoding('utf8').on('data', (text) => (output += text))
      child.stdin.end(SCRIPT.with({ deploy_to: deployTo, ...variables }).encode())
      const [status] = (await once(child, 'close')) as [number]
      return { status, output }
    }
    const publish = (release: number, scope: string, number: number | ''): ReturnType<typeof run> =>
      run({ target: `releases/${release}`, back: '', fence_scope: scope, fence_number: number })
    const current = (): Promise<string> => readlink(join(deployTo, 'current'))

    it('refuses a lower number than it has seen, and then changes nothing', async () => {
      expect(await publish(1, 'one', 5)).toMatchObject({ status: 0 })
      // A rollback or a retry.
      expect(await publish(2, 'one', 5)).toMatchObject({ status: 0 })
      expect(await publish(3, 'one', 6)).toMatchObject({ status: 0 })
      const refused = await publish(1, 'one', 5)
      expect(refused).toMatchObject({
        status: 14,
        output: expect.stringContaining('fencing token number 6,'),
      })
      expect(await current()).toBe('releases/3')
      expect(await run({ target: '', back: 1, fence_scope: 'one', fence_number: 5 })).toMatchObject({
        status: 14,
      })
      expect(await current()).toBe('releases/3')
      expect((await readdir(deployTo)).sort()).toEqual(['.fences', '.publish-lock', 'current', 'releases'])
    })

    it('does not compare the numbers of two scopes, remembers both, and forgets the oldest', async () => {
      expect(await publish(1, 'one', 500)).toMatchObject({ status: 0 })
      expect(await publish(2, 'two', 1)).toMatchObject({ status: 0 })
      expect(await publish(1, 'one', 499)).toMatchObject({ status: 14 })
      expect(await publish(3, 'two', 2)).toMatchObject({ status: 0 })
      const fences = join(deployTo, '.fences')
      const others = Array.from({ length: 25 }, (___, index) => `9 scope${index}\n`)
      await writeFile(fences, [...others, await readFile(fences, 'utf8')].join(''))
      expect(await publish(4, 'two', 3)).toMatchObject({ status: 0 })
      expect(await readFile(fences, 'utf8')).toBe(['3 two\n', ...others.slice(0, 20)].join(''))
    })

    it('accepts deploys without a number', async () => {
      expect(await publish(1, '', '')).toMatchObject({
        status: 0,
        output: '::step flip\n::previous \ncurrent is release 1\n',
      })
      expect((await readdir(deployTo)).sort()).toEqual(['current', 'releases'])
    })

    it('ends with the highest number of many concurrent deploys', async () => {
      const numbers = Array.from({ length: 12 }, (___, index) => ((index * 5) % 12) + 1)
      const outcomes = await Promise.all(numbers.map((number) => publish(number, 'one', number)))
      for (const { status } of outcomes) expect([0, 14]).toContain(status)
      expect(await current()).toBe('releases/12')
      expect(await readFile(join(deployTo, '.fences'), 'utf8')).toBe('12 one\n')
    })

    it('works without flock on file systems that lack it, and skips unreadable lines', async () => {
      await rm(join(bin, 'flock'), { force: true })
      await writeFile(join(bin, 'flock'), '#!/bin/sh\nexit 71\n', { mode: 0o755 })
      await writeFile(join(deployTo, '.fences'), 'x one\n5 one\n\n')
      expect(await publish(1, 'one', 4)).toMatchObject({ status: 14 })
      expect(await publish(1, 'one', 6)).toMatchObject({ status: 0 })
      expect((await readdir(deployTo)).sort()).toEqual(['.fences', '.publish-lock', 'current', 'releases'])
    })

    it('continues after one that died midway', async () => {
      const dead = spawn('true')
      await once(dead, 'exit')
      await symlink(`pid-${dead.pid}`, join(deployTo, '.publishing'))
      expect(await publish(1, 'one', 1)).toMatchObject({ status: 0 })
      expect(await current()).toBe('releases/1')
    })
  })
})

/** The example without its build, which falls asleep on request: after its lock was confirmed, or in a task. */
const SLEEPER = `
import capistrano from 'shipit-capistrano'
import example from './shipitfile'
const sleep = () => {
  console.log('falls asleep')
  process.kill(process.pid, 'SIGSTOP')
}
export default shipit => {
  example(shipit)
  // After the lock's own check.
  capistrano(shipit).plugin.beforePublish(async () => {
    if (process.env.SLEEP === 'confirmed') sleep()
  })
  shipit.blTask('assets:build', () => { if (process.env.SLEEP === 'build') sleep() })
  shipit.on('lock:lost', ({ error }) => console.log('event: ' + error.code))
}
`

describe('a deploy that is stopped while its lock is broken', () => {
  let stage: Stage
  let shipitfile: string
  beforeAll(async () => {
    stage = await Stage.create({ names: ['web1', 'web2'] })
    shipitfile = await stage.shipitfile('sleeper.ts', SLEEPER)
  })
  afterAll(() => stage.close())

  it.each([
    [
      'confirmed',
      'refused: a deploy that got the lock later has already published here',
      '2 of 2 servers failed',
    ],
    ['build', "lost the lock 'shop.production': bob took it over", 'event: E_LOCK_LOST'],
  ])('and continues after another deploy, does not publish (%s)', async (where, ...messages) => {
    await stage.app.commit({ VERSION: `sleeper of ${where}\n` }, `Sleeps when ${where}`)
    const sleeper = stage.start('deploy', { USER: 'alice', SLEEP: where }, shipitfile)
    await sleeper.printed('falls asleep')
    expect((await stage.run('deploy', { USER: 'bob' }, shipitfile)).output).toContain('locked by alice')
    const broken = await stage.run(
      'deploy:lock:break',
      { USER: 'bob', BREAK_REASON: 'it sleeps' },
      shipitfile,
    )
    expect(broken.output).toMatch(/Broke a lock: shop\.production is locked by alice/)

    const revision = await stage.app.commit({ VERSION: 'awake\n' }, `Awake after ${where}`)
    expect((await stage.run('deploy', { USER: 'bob' }, shipitfile)).status).toBe(0)
    expect(await stage.live()).toEqual([revision, revision])

    sleeper.kill('SIGCONT')
    expect(await sleeper.ended).toBe(1)
    for (const message of messages) expect(sleeper.output).toContain(message)
    expect(await stage.live()).toEqual([revision, revision])
    expect(await stage.locks()).toEqual([])
    expect((await stage.run('rollback', {}, shipitfile)).status).toBe(0)
  })
})
