import { setImmediate as tick } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { createShipit, type ShipitInstance } from '../../../../testbed/shipit-instance.js'
import capistrano, { DeployError, type Capistrano } from '../index.js'

/** The shipitfile's own deploy, which fails. */
function failing(fail: () => unknown): ShipitInstance & { dsl: Capistrano } {
  const instance = createShipit()
  const dsl = capistrano(instance.shipit)
  instance.shipit.blTask('deploy', ['work', 'later'])
  instance.shipit.blTask('work', fail)
  instance.shipit.blTask('later', () => {})
  return { ...instance, dsl }
}

const boom = (): never => {
  throw new DeployError('E_BOOM', 'boom')
}

it('runs deploy:failed with its hooks, and starts nothing else', async () => {
  const { dsl, ran, run } = failing(boom)
  dsl.before('deploy:failed', 'first', () => tick())
  dsl.after('deploy:failed', 'last', () => tick())
  expect(await run('deploy')).toMatchObject({ code: 'E_BOOM' })
  expect(ran).toEqual(['work', 'first', 'deploy:failed', 'last'])
})

it.each<[string, () => unknown]>([
  ['thrown', boom],
  ['rejected', () => Promise.reject(new DeployError('E_BOOM', 'boom'))],
])('runs deploy:failed for an error that is %s', async (_, fail) => {
  const { ran, run } = failing(fail)
  expect(await run('deploy')).toMatchObject({ code: 'E_BOOM' })
  expect(ran).toEqual(['work', 'deploy:failed'])
})

it('reports failing hooks after the first error, and runs the others', async () => {
  const { dsl, log, ran, run } = failing(boom)
  const broken = new DeployError('E_HOOK', 'hook broke')
  dsl.after('deploy:failed', 'broken', () => Promise.reject(broken))
  dsl.after('deploy:failed', 'unlock', () => {})
  expect(await run('deploy')).toMatchObject({ code: 'E_BOOM' })
  expect(ran).toEqual(['work', 'deploy:failed', 'broken', 'unlock'])
  const first = log.indexOf('boom [E_BOOM]')
  const second = log.indexOf("'broken', which runs after a failure, failed too: hook broke [E_HOOK]")
  expect(first).toBeGreaterThan(-1)
  expect(second).toBeGreaterThan(first)
})

it('cancels tasks that run in parallel with the failing one, and waits for them', async () => {
  const { shipit, run } = createShipit()
  const { signal, after } = capistrano(shipit)
  const order: string[] = []
  shipit.task('deploy', ['long', 'work'])
  shipit.task('long', () => {
    const stop = signal()
    return new Promise<void>((resolve) => {
      stop.addEventListener('abort', () => setImmediate(() => (order.push('long ends'), resolve())))
    })
  })
  shipit.task('work', () => tick().then(boom))
  after('deploy:failed', 'unlock', () => void order.push('unlock'))
  expect(await run('deploy')).toMatchObject({ code: 'E_BOOM' })
  expect(order).toEqual(['long ends', 'unlock'])
})

it('reports a second task that fails, and keeps the first error', async () => {
  const { shipit, log, run } = createShipit()
  const { signal } = capistrano(shipit)
  shipit.task('deploy', ['other', 'work'])
  shipit.task('other', () => {
    const stop = signal()
    return new Promise((_, reject) => {
      stop.addEventListener('abort', () => reject(new DeployError('E_SECOND', 'second')))
    })
  })
  shipit.task('work', () => tick().then(boom))
  expect(await run('deploy')).toMatchObject({ code: 'E_BOOM' })
  expect(log).toContain("'other' failed too: second [E_SECOND]")
})

it('runs deploy:failed when a listener starts an undefined task', async () => {
  const { shipit, dsl, ran, log, run } = failing(() => void failingEvent())
  const failingEvent = (): unknown => shipit.emit('worked')
  shipit.on('worked', () => void shipit.start('restrat'))
  dsl.task('restart')
  dsl.after('deploy:failed', 'unlock', () => {})
  expect(await run('deploy')).toMatchObject({ missingTask: 'restrat' })
  expect(log).toContain("Task 'restrat' is not defined: did you mean 'restart'?")
  expect(ran).toEqual(['work', 'deploy:failed', 'unlock'])
})

it('runs deploy:failed when an invoked task fails or does not exist', async () => {
  const { dsl, ran, run } = failing(() => dsl.invoke('restrat'))
  expect(await run('deploy')).toMatchObject({ missingTask: 'restrat' })
  expect(ran).toEqual(['work', 'deploy:failed'])
})

it('runs deploy:failed only for deploys and rollbacks', async () => {
  const { ran, run } = failing(boom)
  expect(await run('work')).toMatchObject({ code: 'E_BOOM' })
  expect(ran).toEqual(['work'])
})

it.each([
  ['a deploy', 'deploy', ['work', 'deploy:failed', 'ended']],
  ['any other run', 'work', ['work', 'ended']],
])('awaits onAbort callbacks when %s fails, before it is reported', async (_, task, order) => {
  const { shipit, dsl, log, ran, run } = failing(boom)
  const events: string[] = []
  shipit.on('task_start', () => events.push(String(ran.at(-1))))
  dsl.plugin.onAbort(() => Promise.reject(new DeployError('E_END', 'an end broke')))
  dsl.plugin.onAbort(() => tick().then(() => void events.push('ended')))
  shipit.on('task_err', () => events.push('reported'))
  expect(await run(task)).toMatchObject({ code: 'E_BOOM' })
  expect(events.slice(0, order.length)).toEqual(order)
  expect(log).toContain('an end broke [E_END]')
})

it('also works for the next run', async () => {
  const { ran, run } = failing(boom)
  await run('deploy')
  expect(await run('deploy')).toMatchObject({ code: 'E_BOOM' })
  expect(ran).toEqual(['work', 'deploy:failed', 'work', 'deploy:failed'])
})
