import { setImmediate as tick } from 'node:timers/promises'
import { inspect } from 'node:util'
import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { createShipit } from '../../../../testbed/shipit-instance.js'
import capistrano from '../index.js'

/** A task of a random graph. Its dependencies stand before it, so that there are no circles. */
interface Node {
  readonly name: string
  readonly blocking: boolean
  readonly dependencies: readonly string[]
  /** How long it takes: turns of the event loop. */
  readonly turns: number
  /** What it starts, the first time that it runs. */
  readonly starts: readonly string[]
}

interface Plan {
  readonly nodes: readonly Node[]
  readonly hooks: readonly {
    readonly when: 'before' | 'after'
    readonly target: string
    readonly hook: string
  }[]
  readonly asked: readonly string[]
}

const TASKS = ['t0', 't1', 't2', 't3', 't4', 't5']
/** Hooks are nothing else; each has a dependency of its own. */
const HOOKS = ['h0', 'h1', 'h2', 'h3']
const NEEDS = HOOKS.map((hook) => `${hook}-needs`)

const node = (name: string, candidates: readonly string[]): fc.Arbitrary<Node> =>
  fc.record({
    name: fc.constant(name),
    blocking: fc.boolean(),
    dependencies:
      candidates.length > 0
        ? fc.subarray([...candidates], { maxLength: Math.min(2, candidates.length) })
        : fc.constant([]),
    turns: fc.nat(3),
    starts: fc.oneof(
      { weight: 3, arbitrary: fc.constant([]) },
      { weight: 1, arbitrary: fc.subarray([...TASKS, ...HOOKS], { minLength: 1, maxLength: 2 }) },
    ),
  })

const plans: fc.Arbitrary<Plan> = fc.record({
  nodes: fc.tuple(
    ...TASKS.map((name, index) => node(name, TASKS.slice(0, index))),
    ...NEEDS.map((name) => node(name, [])),
    ...HOOKS.map((name, index) => node(name, NEEDS.slice(index, index + 1))),
  ),
  hooks: fc.tuple(
    ...HOOKS.map((hook) =>
      fc.record({
        when: fc.constantFrom('before' as const, 'after' as const),
        target: fc.constantFrom(...TASKS),
        hook: fc.constant(hook),
      }),
    ),
  ),
  asked: fc.subarray(TASKS, { minLength: 1 }),
})

/** Runs a plan in a real Shipit, and returns what is wrong with the order, a sentence each. */
async function mistakes({ nodes, hooks, asked }: Plan): Promise<string[]> {
  const { shipit, run } = createShipit()
  const dsl = capistrano(shipit)
  const found: string[] = []
  const running = new Set<string>()
  const starts = new Map<string, number>()
  const ends = new Map<string, number>()
  let time = 0
  const at = (events: ReadonlyMap<string, number>, name: string): number => events.get(name) ?? -1

  const check = (name: string, dependencies: readonly string[]): void => {
    for (const each of dependencies) {
      if (running.has(each) || at(ends, each) < 0)
        found.push(`${name} did not wait for ${each}, which it depends on`)
      for (const { when, target, hook } of hooks)
        if (when === 'after' && target === each && (running.has(hook) || at(ends, hook) < at(ends, each)))
          found.push(`${name} did not wait for ${hook}, which runs after ${each}`)
    }
    for (const { when, target, hook } of hooks) {
      if (when === 'before' && target === name && (running.has(hook) || at(ends, hook) < at(starts, name)))
        found.push(`${name} did not wait for ${hook}, which runs before it`)
      if (when === 'before' && target === name && at(ends, hook) < 0)
        found.push(`${hook} did not run before ${name}`)
    }
  }
  for (const { name, blocking, dependencies, turns, starts: later } of nodes) {
    const body = async (): Promise<void> => {
      check(name, dependencies)
      const isFirst = !starts.has(name)
      starts.set(name, (time += 1))
      running.add(name)
      for (let turn = 0; turn < turns; turn += 1) await tick()
      if (isFirst && later.length > 0) shipit.start(...later)
      for (let turn = 0; turn < turns; turn += 1) await tick()
      running.delete(name)
      ends.set(name, (time += 1))
    }
    if (blocking) shipit.blTask(name, [...dependencies], body)
    else shipit.task(name, [...dependencies], body)
  }
  for (const { when, target, hook } of hooks) dsl[when](target, hook)
  const error = await run(...asked)
  if (error) found.push(`it failed: ${inspect(error)}`)
  for (const { when, target, hook } of hooks)
    if (when === 'after' && starts.has(target) && at(starts, hook) < at(ends, target))
      found.push(`${hook} did not run after ${target}`)
  for (const name of asked) if (!ends.has(name)) found.push(`${name} did not run`)
  return found
}

it('respects every hook and dependency, whatever is started when', async () => {
  await fc.assert(
    fc.asyncProperty(plans, async (plan) => {
      expect(await mistakes(plan)).toEqual([])
    }),
    { numRuns: 300 },
  )
})

it('reruns a task that is started again with its hooks, and a started hook again in its place', async () => {
  const { shipit, ran, run } = createShipit()
  const { task, before, after } = capistrano(shipit)
  task('restart', ['prepare'], () => {})
  task('prepare', () => {})
  before('restart', 'drain', () => {})
  after('restart', 'warm', () => {})
  task('publish', () => void shipit.start('restart'))
  task('clean', () => void shipit.start('restart'))
  before('finish', 'notify', () => {})
  task('finish', () => {})
  after('publish', 'early', () => void shipit.start('notify'))
  task('all', ['publish', 'clean', 'finish'])
  expect(await run('all')).toBeUndefined()
  const restart = ['drain', 'prepare', 'restart', 'warm']
  expect(ran).toEqual([
    'publish',
    ...restart,
    'early',
    'notify',
    'clean',
    ...restart,
    'notify',
    'finish',
    'all',
  ])
})

it('keeps a failing before-hook that is not blocking ahead of its target, once a listener has started something', async () => {
  const { shipit, ran, run } = createShipit()
  const { before } = capistrano(shipit)
  shipit.blTask('deploy', ['deploy:init', 'publish'])
  shipit.blTask('deploy:init', () => void shipit.emit('deploy'))
  shipit.blTask('publish', () => {})
  shipit.task('migrate', async () => {
    await tick()
    throw new Error('no')
  })
  before('publish', 'migrate')
  shipit.blTask('npm:init', () => {})
  shipit.on('deploy', () => shipit.start('npm:init'))
  expect(await run('deploy')).toMatchObject({ message: 'no' })
  expect(ran).toEqual(['deploy:init', 'npm:init', 'migrate', 'deploy:failed'])
})
