import { setImmediate as tick } from 'node:timers/promises'
import { inspect } from 'node:util'
import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { createShipit } from '../../../../testbed/shipit-instance.js'
import capistrano from '../index.js'

/** What a task starts on its first run: at one of its turns of the event loop, directly or through a listener. */
interface Start {
  readonly names: readonly string[]
  readonly turn: number
  readonly byEvent: boolean
}

/** A task of a random graph. Its dependencies come before it, so that there are no cycles. */
interface Node {
  readonly name: string
  readonly blocking: boolean
  /** Takes a callback instead of returning a promise. */
  readonly callback: boolean
  readonly dependencies: readonly string[]
  /** Its duration in turns of the event loop. */
  readonly turns: number
  readonly starts: readonly Start[]
}

interface Plan {
  readonly nodes: readonly Node[]
  readonly hooks: readonly {
    readonly when: 'before' | 'after'
    readonly target: string
    readonly hook: string
  }[]
  readonly asked: readonly string[]
  /** A task invokes the tasks, instead of `shipit.start()`. */
  readonly invoked: boolean
}

const TASKS = ['t0', 't1', 't2', 't3', 't4', 't5']
/** Each hook has one target, which may be a hook itself, and its own dependency. */
const HOOKS = ['h0', 'h1', 'h2', 'h3', 'h4']
const NEEDS = HOOKS.map((hook) => `${hook}-needs`)
const TURNS = 4

const start: fc.Arbitrary<Start> = fc.record({
  names: fc.subarray([...TASKS, ...HOOKS, ...NEEDS], { minLength: 1, maxLength: 2 }),
  turn: fc.nat(TURNS),
  byEvent: fc.boolean(),
})

const node = (name: string, candidates: readonly string[]): fc.Arbitrary<Node> =>
  fc.record({
    name: fc.constant(name),
    blocking: fc.boolean(),
    callback: fc.boolean(),
    dependencies: fc.subarray([...candidates], { maxLength: Math.min(2, candidates.length) }),
    turns: fc.nat(TURNS),
    starts: fc.oneof(
      { weight: 3, arbitrary: fc.constant([]) },
      { weight: 1, arbitrary: fc.array(start, { minLength: 1, maxLength: 2 }) },
    ),
  })

const plans: fc.Arbitrary<Plan> = fc.record({
  nodes: fc.tuple(
    ...TASKS.map((name, index) => node(name, TASKS.slice(0, index))),
    ...NEEDS.map((name) => node(name, [])),
    ...HOOKS.map((name, index) => node(name, NEEDS.slice(index, index + 1))),
  ),
  hooks: fc.tuple(
    ...HOOKS.map((hook, index) =>
      fc.record({
        when: fc.constantFrom('before' as const, 'after' as const),
        target: fc.constantFrom(...TASKS, ...HOOKS.slice(0, index)),
        hook: fc.constant(hook),
      }),
    ),
  ),
  asked: fc.shuffledSubarray(TASKS, { minLength: 1 }),
  invoked: fc.boolean(),
})

/** One run of a task, from start to end. */
interface Ran {
  readonly name: string
  readonly start: number
  end: number
}

/** Runs a plan in a real Shipit, and returns a message for each mistake in the order. */
async function mistakes({ nodes, hooks, asked, invoked }: Plan): Promise<string[]> {
  const { shipit, run } = createShipit()
  const dsl = capistrano(shipit)
  const found: string[] = []
  const ran: Ran[] = []
  const started: { readonly name: string; readonly at: number }[] = []
  let time = 0

  const of = (name: string): Ran[] => ran.filter((each) => each.name === name)
  const running = (): string[] => ran.flatMap(({ name, end }) => (end === Infinity ? [name] : []))
  const lastEnd = (name: string): number => Math.max(0, ...of(name).map(({ end }) => end))
  const hooksOf = (when: 'before' | 'after', target: string): string[] =>
    hooks.flatMap((each) => (each.when === when && each.target === target ? [each.hook] : []))

  /** Tasks with their dependencies and hooks. */
  const closure = (names: readonly string[], into = new Set<string>()): Set<string> => {
    for (const name of names) {
      if (into.has(name)) continue
      into.add(name)
      closure(nodes.find((each) => each.name === name)?.dependencies ?? [], into)
      closure([...hooksOf('before', name), ...hooksOf('after', name)], into)
    }
    return into
  }
  const touched = new Set<string>()
  /** An invocation skips what has already run. */
  const isOnce = (hook: string): boolean => invoked && touched.has(hook) && of(hook).length > 0
  const startAll = (names: readonly string[]): void => {
    time += 1
    for (const name of names) if (!shipit.tasks[name]?.running) started.push({ name, at: time })
    closure(names, touched)
    shipit.start(...names)
  }

  const check = ({ name, dependencies }: Node): void => {
    const others = running()
    if (others.includes(name)) found.push(`${name} runs twice at the same time`)
    for (const each of dependencies) {
      if (others.includes(each) || lastEnd(each) === 0)
        found.push(`${name} did not wait for ${each}, which it depends on`)
      for (const hook of hooksOf('after', each))
        if (others.includes(hook) || (lastEnd(hook) <= lastEnd(each) && !isOnce(hook)))
          found.push(`${name} did not wait for ${hook}, which runs after ${each}`)
    }
    // A hook that is started while its own hooks run has these once, for both of its runs.
    const since = HOOKS.includes(name) ? 0 : lastEnd(name)
    for (const hook of hooksOf('before', name))
      if (others.includes(hook) || lastEnd(hook) <= since)
        found.push(`${name} did not wait for ${hook}, which runs before it`)
    // A hook that nothing started moves or repeats waits for everything, and everything planned waits for it.
    const isBarrier = (each: string): boolean => HOOKS.includes(each) && !touched.has(each)
    if (isBarrier(name) && others.length > 0) found.push(`hook ${name} did not wait for ${others.join(', ')}`)
    if (!touched.has(name))
      for (const hook of others.filter(isBarrier)) found.push(`${name} did not wait for hook ${hook}`)
  }

  for (const each of nodes) {
    const { name, blocking, callback, dependencies, turns, starts } = each
    const body = async (): Promise<void> => {
      check(each)
      const isFirst = of(name).length === 0
      const own: Ran = { name, start: (time += 1), end: Infinity }
      ran.push(own)
      for (let turn = 0; turn <= turns; turn += 1) {
        for (const [index, { names, turn: at, byEvent }] of starts.entries()) {
          if (!isFirst || Math.min(at, turns) !== turn) continue
          if (byEvent) shipit.emit(`${name} ${index}`)
          else startAll(names)
        }
        await tick()
      }
      own.end = time += 1
    }
    for (const [index, { names }] of starts.entries()) shipit.on(`${name} ${index}`, () => startAll(names))
    const fn = callback ? (done: (error?: unknown) => void) => void body().then(() => done(), done) : body
    if (blocking) shipit.blTask(name, [...dependencies], fn)
    else shipit.task(name, [...dependencies], fn)
  }
  for (const { when, target, hook } of hooks) dsl[when](target, hook)
  dsl.task('invokes', [], async () => {
    for (const name of asked) await dsl.invoke(name)
  })

  const state = { isOver: false }
  const outcome = run(...(invoked ? ['invokes'] : asked)).finally(() => (state.isOver = true))
  // Tasks take only a few turns of the event loop; a run in which nothing starts for many turns is stuck.
  for (
    let quiet = 0, last = -1;
    !state.isOver && quiet < 100;
    quiet = last === time ? quiet + 1 : 0, last = time
  )
    await tick()
  if (!state.isOver) return [...found, `stuck after ${ran.map(({ name }) => name).join(', ')}`]
  const error = await outcome
  if (error) found.push(`it failed: ${inspect(error)}`)
  for (const name of asked) if (lastEnd(name) === 0) found.push(`${name} did not run`)
  for (const { name, at } of started)
    if (!of(name).some((each) => each.start > at)) found.push(`${name} was started but did not run`)
  for (const target of [...TASKS, ...HOOKS])
    for (const hook of hooksOf('after', target))
      if (of(target).length > 0 && !of(hook).some((each) => each.start > lastEnd(target)) && !isOnce(hook))
        found.push(`${hook} did not run after ${target}`)
  return found
}

it('respects every hook and dependency, no matter what is started when and by whom', async () => {
  await fc.assert(
    fc.asyncProperty(plans, async (plan) => {
      expect(await mistakes(plan)).toEqual([])
    }),
    { numRuns: 500 },
  )
}, 60_000)
it('reruns a started task with its hooks, and a started hook again in its place', async () => {
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

it('runs a failing non-blocking before-hook before its target, even after a listener has started something', async () => {
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
