import { Readable } from 'node:stream'
import { setImmediate as tick } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { createShipit } from '../../../testbed/shipit-instance.js'
import capistrano from './index.js'

it('puts tasks into namespaces, and resolves names from the innermost namespace out', async () => {
  const { shipit, ran, run } = createShipit()
  const { namespace, task, before, after } = capistrano(shipit)
  namespace('db', () => {
    task('migrate', ['load', 'shared'])
    namespace('schema', () => {
      task('dump', ['load', 'db:seed', 'connect'])
      task('load')
      before('dump', 'announce', () => {})
    })
    task('load')
    task('seed')
    after('migrate', 'schema:dump')
  })
  task('shared')
  task('connect')
  task('load')
  expect(await run('db:migrate')).toBeUndefined()
  expect(ran).toEqual([
    'db:load',
    'shared',
    'db:migrate',
    'db:schema:announce',
    'db:schema:load',
    'db:seed',
    'connect',
    'db:schema:dump',
  ])
})

it('leaves the namespace when its definition throws', () => {
  const { shipit } = createShipit()
  const { namespace, task } = capistrano(shipit)
  const broken = (): void => {
    throw new Error('broken')
  }
  expect(() => namespace('db', broken)).toThrow('broken')
  task('outside')
  expect(shipit.tasks).toHaveProperty('outside')
})

it('reports a missing dependency by the name as written', async () => {
  const { shipit, log, run } = createShipit()
  const { namespace, task } = capistrano(shipit)
  namespace('db', () => task('migrate', ['lod']))
  task('load')
  expect(await run('db:migrate')).toMatchObject({ missingTask: 'lod' })
  expect(log).toContain("Task 'lod' is not defined: did you mean 'load'?")
})

it('waits for callbacks, promises, streams and plain functions in blocking and non-blocking hooks', async () => {
  const { shipit, run } = createShipit()
  const { before } = capistrano(shipit)
  const order: string[] = []
  shipit.task('callback', (done) => void setImmediate(() => (order.push('callback'), done())))
  shipit.task('promise', () => tick().then(() => order.push('promise')))
  shipit.task('stream', () =>
    Readable.from(['a', 'b'])
      .on('end', () => order.push('stream'))
      .resume(),
  )
  shipit.task('plain', () => void order.push('plain'))
  shipit.task('target', [], () => void order.push('target'))
  for (const hook of ['callback', 'promise', 'stream', 'plain']) before('target', hook)
  expect(await run('target')).toBeUndefined()
  expect(order).toEqual(['callback', 'promise', 'stream', 'plain', 'target'])
})

it("accepts hooks declared before or after their tasks, on other plugins' tasks, and on tasks that never run", async () => {
  const { shipit, ran, run } = createShipit()
  const { before, after } = capistrano(shipit)
  after('late', 'hook')
  before('deploy:clean', 'never', () => {})
  shipit.task('hook', () => {})
  shipit.task('late', () => {})
  before('pending:log', 'also-never', () => {})
  expect(await run('late')).toBeUndefined()
  expect(ran).toEqual(['late', 'hook'])
})

it('runs a task once, however many tasks need it', async () => {
  const { shipit, ran, run } = createShipit()
  const { task, before, after } = capistrano(shipit)
  task('a', ['shared'])
  task('b', ['shared', 'a'])
  task('shared')
  before('a', 'hook', () => {})
  after('shared', 'hook')
  before('b', 'hook')
  expect(await run('a', 'b')).toBeUndefined()
  expect(ran).toEqual(['hook', 'shared', 'a', 'b'])
})

it('logs that an invoked task has already run, and runs it again on demand', async () => {
  const { shipit, log, ran, run } = createShipit()
  const { task, before, invoke } = capistrano(shipit)
  task('restart', ['dependency'])
  task('dependency')
  before('restart', 'hook', () => {})
  task('main', [], async () => {
    await invoke('restart')
    await invoke('restart')
    await invoke.again('restart')
    await expect(invoke('restrt')).rejects.toMatchObject({ missingTask: 'restrt' })
    await expect(invoke.again('main')).rejects.toMatchObject({ code: 'E_RECURSION' })
  })
  expect(await run('main')).toBeUndefined()
  expect(ran).toEqual(['main', 'hook', 'dependency', 'restart', 'restart'])
  expect(log.filter((line) => line.startsWith("'restart' has already run"))).toHaveLength(1)
})

it('reports an unknown hook and an unknown target in one error, before anything runs', () => {
  const { shipit } = createShipit()
  const { before, namespace, after } = capistrano(shipit)
  before('deploy:startin', 'lock', () => {})
  namespace('app', () => after('deploy:published', 'restrat'))
  shipit.task('app:restart', () => {})
  const listeners = process.listeners('uncaughtException')
  expect(() => shipit.initialize()).toThrow(
    /'deploy:startin'; did you mean 'deploy:starting'.*there is no task 'restrat'/s,
  )
  for (const each of process.listeners('uncaughtException'))
    if (!listeners.includes(each)) process.off('uncaughtException', each)
})

it("respects the shipitfile's own deploy, defined before or after, and warns about hooks on phases it leaves out", async () => {
  for (const late of [false, true]) {
    const { shipit, log, ran, run } = createShipit()
    const define = (): unknown => shipit.blTask('deploy', ['deploy:started', 'own'])
    shipit.blTask('own', () => {})
    if (!late) define()
    const { after } = capistrano(shipit)
    if (late) define()
    after('deploy:published', 'restart', () => {})
    after('deploy:started', 'hook', () => {})
    expect(await run('deploy')).toBeUndefined()
    expect(ran).toEqual(['deploy:started', 'hook', 'own', 'deploy'])
    expect(log.filter((line) => line.startsWith('Warning'))).toEqual([
      "Warning: after('deploy:published', 'restart') does not run in a deploy: the shipitfile's own 'deploy' leaves 'deploy:published' out.",
    ])
  }
})

it("keeps the shipitfile's own version of one of shipit-deploy's tasks", async () => {
  const { shipit, ran, run } = createShipit()
  shipit.blTask('deploy:publish', () => {})
  capistrano(shipit)
  expect(await run('deploy:publish')).toBeUndefined()
  expect(ran).toEqual(['deploy:publish'])
})
