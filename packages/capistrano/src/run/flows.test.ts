import { setImmediate as tick } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { createShipit, type ShipitInstance } from '../../../../testbed/shipit-instance.js'
import { PHASES } from '../flow/phases.js'
import capistrano, { DeployError, type Capistrano } from '../index.js'

/** The flows' tasks besides phases. */
const STEPS = ['init', 'check', 'fetch', 'update', 'publish', 'clean', 'finish', 'log_revision']
const TASKS = [...STEPS.map((step) => `deploy:${step}`), 'rollback:init', 'rollback:finish']

interface Flows extends ShipitInstance {
  readonly dsl: Capistrano
  /** The flows' tasks that ran, with the kind of run: `deploy:publish in rollback`. */
  readonly flows: readonly string[]
  /** Functions of the flows' tasks. */
  readonly does: Map<string, () => unknown>
}

/** A Shipit whose flows do nothing on servers. */
function flows(): Flows {
  const instance = createShipit()
  const { shipit } = instance
  const dsl = capistrano(shipit)
  const noted: string[] = []
  const does = new Map<string, () => unknown>()
  for (const name of TASKS) {
    shipit.blTask(name, () => {
      noted.push(`${name} in ${dsl.plugin.run.kind}`)
      return does.get(name)?.()
    })
  }
  return { ...instance, dsl, flows: noted, does }
}

it('runs what a listener starts in an invoked flow before the rest of the flow', async () => {
  const { shipit, dsl, ran, run, does } = flows()
  does.set('deploy:update', () => void shipit.emit('updated'))
  shipit.on('updated', () => shipit.start('install'))
  dsl.task('install', ['node'], () => tick())
  dsl.task('node', () => {})
  dsl.after('install', 'prune', () => {})
  dsl.task('ship', () => dsl.invoke('deploy'))
  expect(await run('ship')).toBeUndefined()
  const from = ran.indexOf('deploy:update')
  expect(ran.slice(from, from + 4)).toEqual(['deploy:update', 'node', 'install', 'prune'])
  expect(ran.slice(from)).toContain('deploy:updating')
  expect(ran.filter((name) => name === 'install')).toHaveLength(1)
})

it('runs a task again that failed when invoked, even in its own place', async () => {
  const { dsl, log, ran, run } = flows()
  let times = 0
  dsl.task('build', [], () => {
    times += 1
    if (times < 3) throw new DeployError('E_BUILD', 'not yet')
  })
  dsl.task('try', [], async () => {
    for (let turn = 0; turn < 2; turn += 1)
      await expect(dsl.invoke('build')).rejects.toMatchObject({ code: 'E_BUILD' })
  })
  expect(await run('try', 'build')).toBeUndefined()
  expect(ran).toEqual(['try', 'build', 'build', 'build'])
  expect(log.join()).not.toContain('has already run')
})

it('runs a rollback invoked after a deploy as a whole', async () => {
  const { dsl, flows: noted, run } = flows()
  dsl.task('try', [], async () => {
    await dsl.invoke('deploy')
    await dsl.invoke('rollback')
    await dsl.invoke('rollback')
  })
  expect(await run('try')).toBeUndefined()
  expect(noted.filter((each) => each.startsWith('deploy:publish'))).toEqual([
    'deploy:publish in deploy',
    'deploy:publish in rollback',
  ])
  expect(noted.at(-1)).toBe('deploy:log_revision in rollback')
})

it('runs a rollback that a failure hook invokes as a whole', async () => {
  const { dsl, flows: noted, ran, run, does } = flows()
  does.set('deploy:clean', () => {
    if (dsl.plugin.run.kind === 'deploy') throw new DeployError('E_CLEAN', 'no')
  })
  dsl.after('deploy:failed', 'undo', () => dsl.invoke('rollback'))
  dsl.after('deploy:failed', 'last', () => {})
  expect(await run('deploy')).toMatchObject({ code: 'E_CLEAN' })
  expect(noted).toContain('deploy:publish in rollback')
  expect(noted.at(-1)).toBe('deploy:log_revision in rollback')
  expect(ran.filter((name) => name === 'deploy:failed')).toHaveLength(1)
  expect(ran.at(-1)).toBe('last')
})

it('reports a failed rollback that a failure hook invoked by the task that failed', async () => {
  const { dsl, log, ran, run, does } = flows()
  // Phases are invoked one by one, so that only their names make this a flow.
  dsl.task('ship', [], async () => {
    await dsl.invoke('deploy:starting')
    throw new DeployError('E_SHIP', 'no')
  })
  does.set('rollback:init', () => Promise.reject(new DeployError('E_NO_ROLLBACK', 'no way')))
  dsl.after('deploy:failed', 'undo', () => dsl.invoke('rollback'))
  dsl.after('deploy:failed', 'last', () => {})
  expect(await run('ship')).toMatchObject({ code: 'E_SHIP' })
  expect(log).toContain("'rollback:init', which runs after a failure, failed too: no way [E_NO_ROLLBACK]")
  expect(ran.filter((name) => name === 'deploy:failed')).toHaveLength(1)
  expect(ran.at(-1)).toBe('last')
})

it('treats phases that are invoked one by one as one flow', async () => {
  const { dsl, flows: noted, run } = flows()
  dsl.task('undo', [], async () => {
    for (const phase of PHASES.rollback) await dsl.invoke(phase)
  })
  expect(await run('undo')).toBeUndefined()
  const from = noted.indexOf('rollback:init in rollback')
  expect(noted.slice(from)).toEqual([
    'rollback:init in rollback',
    'deploy:publish in rollback',
    'deploy:clean in rollback',
    'rollback:finish in rollback',
    'deploy:finish in rollback',
    'deploy:log_revision in rollback',
  ])
  expect(dsl.plugin.run.kind).toBe('other')
})

it("treats the shipitfile's own rollback, which invokes phases, as a rollback", async () => {
  const { shipit, dsl, flows: noted, run } = flows()
  shipit.blTask('rollback', async () => {
    for (const phase of PHASES.rollback) await dsl.invoke(phase)
  })
  expect(await run('rollback')).toBeUndefined()
  expect(noted.filter((each) => !each.endsWith(' in rollback'))).toEqual([])
})

it.each([
  ...PHASES.deploy.map((name) => [name, 'deploy'] as const),
  ['deploy:reverting', 'rollback'] as const,
  ['deploy:reverted', 'rollback'] as const,
  ['deploy:finishing_rollback', 'rollback'] as const,
  ['deploy:rollback', 'rollback'] as const,
])('treats %s on its own as part of a flow, with its failure tasks', async (name, flow) => {
  for (const how of ['asked for', 'started', 'invoked']) {
    const { shipit, dsl, ran, run } = flows()
    let found: unknown
    dsl.before(name, 'look', () => {
      found = dsl.plugin.run.kind
      throw new DeployError('E_LOOK', 'no')
    })
    dsl.task('started', () => void shipit.start(name))
    dsl.task('invoked', () => dsl.invoke(name))
    expect(await run(how === 'asked for' ? name : how)).toMatchObject({ code: 'E_LOOK' })
    expect(found).toBe(flow)
    expect(ran.filter((each) => each === 'deploy:failed')).toHaveLength(1)
  }
})

it("lists the tasks that see a task's results before another task does", async () => {
  const { shipit, run } = createShipit()
  const { task, before, invoke, plugin } = capistrano(shipit)
  const seen: Record<string, readonly string[]> = {}
  const look = (name: string) => () => void (seen[name] = plugin.tasksUntil('pack'))
  task('fetch', [], look('fetch'))
  task('build', ['fetch'], look('build'))
  before('pack', 'check', look('check'))
  task('pack', [], look('pack'))
  task('all', [], async () => {
    await invoke('fetch')
    look('all')()
  })
  expect(await run('fetch', 'build', 'pack')).toBeUndefined()
  expect(seen).toEqual({ fetch: ['build', 'check'], build: ['check'], check: [], pack: [] })
  // The task that invoked it continues after it, before the tasks that follow.
  expect(await run('all', 'build', 'pack')).toBeUndefined()
  expect(seen['fetch']).toEqual(['all', 'build', 'check'])
  expect(seen['all']).toEqual(['build', 'check'])
})

it('makes a barrier wait for plain tasks that listeners started', async () => {
  const { shipit, run } = createShipit()
  const { task, plugin } = capistrano(shipit)
  const order: string[] = []
  plugin.barrier('pack')
  task('fetch', [], () => void shipit.emit('fetched'))
  task('pack', ['fetch'], () => void order.push('pack'))
  shipit.task('build', async () => {
    for (let turn = 0; turn < 5; turn += 1) await tick()
    order.push('build')
  })
  shipit.on('fetched', () => void shipit.start('build'))
  expect(await run('pack')).toBeUndefined()
  expect(order).toEqual(['build', 'pack'])
})
