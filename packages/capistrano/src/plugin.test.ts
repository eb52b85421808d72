import { createRequire } from 'node:module'
import { once } from 'node:events'
import { setImmediate as tick } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { z } from 'zod'
import capistrano, { ConfigError, type Shipit } from './index.js'

const ShipitCli = createRequire(import.meta.url)('shipit-cli') as new (options: object) => Shipit

function shipit(): { shipit: Shipit; ran: string[] } {
  const instance = new ShipitCli({ environment: 'test', log: () => {} })
  const ran: string[] = []
  instance.on('task_start', ({ task }: { task: string }) => ran.push(task))
  instance.initConfig({ test: { servers: ['deploy@localhost'], deployTo: '/srv/app' } })
  return { shipit: instance, ran }
}

async function start(instance: Shipit, ...tasks: string[]): Promise<void> {
  instance.initialize()
  const stopped = once(instance, 'stop')
  instance.start(...tasks)
  await stopped
}

it('loads shipit-deploy, and may be called twice', () => {
  const { shipit: instance } = shipit()
  expect(capistrano(instance)).toBe(capistrano(instance))
  expect(instance.tasks).toHaveProperty('pending:log')
})

it('keeps its flow when the shipitfile loads shipit-deploy after it', () => {
  const { shipit: instance } = shipit()
  capistrano(instance)
  createRequire(import.meta.url)('shipit-deploy')(instance)
  instance.initialize()
  expect(instance.tasks['deploy']?.dep[0]).toBe('deploy:starting')
})

it("respects the user's own deploy", () => {
  const { shipit: instance } = shipit()
  capistrano(instance)
  instance.blTask('deploy', ['deploy:check'])
  instance.initialize()
  expect(instance.tasks['deploy']?.dep).toEqual(['deploy:check'])
})

it('runs hooks of every kind strictly in order, blocking or not', async () => {
  const { shipit: instance, ran } = shipit()
  const { before, after } = capistrano(instance)
  const log: string[] = []
  const slow = (name: string) => async (): Promise<void> => {
    await tick()
    log.push(name)
  }
  before('target', 'first')
  after('target', 'last', slow('last'))
  after('target', 'callback', (done) => setImmediate(() => (log.push('callback'), done())))
  instance.task('first', [], slow('first'))
  instance.task('parallel', [], slow('parallel'))
  instance.task('target', [], slow('target'))
  instance.task('later', [], () => void log.push('later'))
  await start(instance, 'parallel', 'target', 'later')
  expect(log).toEqual(['parallel', 'first', 'target', 'last', 'callback', 'later'])
  expect(ran).toEqual(['parallel', 'first', 'target', 'last', 'callback', 'later'])
})

it('still runs independent non-blocking tasks in parallel', async () => {
  const { shipit: instance } = shipit()
  capistrano(instance)
  const log: string[] = []
  let meet: () => void = () => {}
  const met = new Promise<void>((resolve) => (meet = resolve))
  instance.task('waits', [], () => met.then(() => log.push('met')))
  instance.task('comes', [], () => meet())
  await start(instance, 'waits', 'comes')
  expect(log).toEqual(['met'])
})

it('lets a task invoke another with its hooks, once, and fail with it', async () => {
  const { shipit: instance, ran } = shipit()
  const { task, before, invoke } = capistrano(instance)
  task('build', ['install'], () => {})
  task('install', [], () => {})
  before('build', 'clean', () => {})
  task('broken', [], () => {
    throw new Error('no')
  })
  task('main', [], async () => {
    await invoke('build')
    await invoke('build')
    await expect(invoke('broken')).rejects.toThrow('no')
    await expect(invoke('main')).rejects.toMatchObject({ code: 'E_RECURSION' })
  })
  await start(instance, 'main')
  expect(ran).toEqual(['main', 'clean', 'install', 'build', 'broken'])
})

it('still runs tasks that listeners start', async () => {
  const { shipit: instance, ran } = shipit()
  const { task, after } = capistrano(instance)
  task('publish', [], () => void instance.emit('published'))
  task('restart', [], () => {})
  after('publish', 'notify', () => {})
  instance.once('published', () => instance.start('restart'))
  await start(instance, 'publish')
  expect(ran.toSorted()).toEqual(['notify', 'publish', 'restart'])
})

it('reports all mistakes in one error, before anything runs', () => {
  const { shipit: instance } = shipit()
  const { after, plugin } = capistrano(instance)
  plugin.settings({
    key: 'plugin',
    requires: ['application'],
    schema: z.strictObject({ retries: z.number(), mode: z.enum(['a', 'b']) }),
  })
  after('deploy:publishd', 'notify', () => {})
  instance.initConfig({ test: { servers: 's', keepReleases: 0, plugin: { retires: 1, mode: 'c' } } })
  const listeners = process.listeners('uncaughtException')
  let error: unknown
  try {
    instance.initialize()
  } catch (thrown) {
    error = thrown
  } finally {
    for (const each of process.listeners('uncaughtException')) {
      if (!listeners.includes(each)) process.off('uncaughtException', each)
    }
  }
  expect(error).toBeInstanceOf(ConfigError)
  expect((error as ConfigError).mistakes).toEqual([
    'keepReleases: expected a whole number >= 1; got 0',
    'plugin.retries: expected number; got nothing',
    "plugin.mode: must be 'a' or 'b'; got 'c'",
    "plugin.retires: unknown setting; did you mean 'retries'?",
    "application: must be set; 'plugin' requires it",
    "after('deploy:publishd', 'notify'): there is no task 'deploy:publishd'; did you mean 'deploy:publish'?",
  ])
})
