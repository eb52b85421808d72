import { expect, it } from 'vitest'
import { createShipit } from '../../../../testbed/shipit-instance.js'
import capistrano from '../index.js'

/** A run in which two tasks join a trip until a third; returns the order of what happened. */
async function joined(
  change: (shipit: ReturnType<typeof createShipit>['shipit'], order: string[]) => void = () => {},
): Promise<{ order: string[]; error: unknown }> {
  const { shipit, run } = createShipit()
  const { task, plugin } = capistrano(shipit)
  const order: string[] = []
  const joiner = (name: string, until?: string): void =>
    task(
      name,
      [],
      plugin.joins(async (ask) => {
        order.push(`${name} begins`)
        await ask([], async () => {})
        order.push(`${name} ends`)
      }, until),
    )
  joiner('first', 'last')
  joiner('second', 'last')
  joiner('last')
  task('all', ['first', 'second', 'last'])
  change(shipit, order)
  const error = await run('all')
  return { order, error }
}

const TOGETHER = ['first begins', 'second begins', 'last begins', 'first ends', 'second ends', 'last ends']

it('holds back what tasks ask until the last of them', async () => {
  expect(await joined()).toEqual({ order: TOGETHER, error: undefined })
})

it('is done before a hook in between starts', async () => {
  const { order } = await joined((shipit, events) =>
    capistrano(shipit).after('first', 'hook', () => void events.push('hook')),
  )
  expect(order).toEqual([
    'first begins',
    'first ends',
    'hook',
    'second begins',
    'last begins',
    'second ends',
    'last ends',
  ])
})

it('is done at once while listeners watch tasks', async () => {
  const { order } = await joined((shipit) => shipit.on('task_stop', () => {}))
  expect(order.slice(0, 2)).toEqual(['first begins', 'first ends'])
})

it('is done at once where the last task does not follow', async () => {
  const { shipit, run } = createShipit()
  const { task, plugin } = capistrano(shipit)
  const order: string[] = []
  task(
    'alone',
    [],
    plugin.joins(async (ask) => {
      await ask([], async () => {})
      order.push('asked')
    }, 'last'),
  )
  task('next', ['alone'], () => void order.push('next'))
  await run('next')
  expect(order).toEqual(['asked', 'next'])
})

it('blames the task whose question failed, not the one that was about to start', async () => {
  const { shipit, run, log } = createShipit()
  const { task, plugin, after } = capistrano(shipit)
  task(
    'first',
    [],
    plugin.joins((ask) => ask([], async () => {}).then(() => Promise.reject(new Error('no'))), 'last'),
  )
  after('first', 'hook', () => {})
  task('last', ['first'], () => {})
  const error = await run('last')
  expect(String(error)).toContain('no')
  expect(log.join('\n')).toContain("'first' errored")
})
