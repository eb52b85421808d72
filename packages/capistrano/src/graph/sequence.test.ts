import { expect, it } from 'vitest'
import type { Task } from '../shipit/shipit.js'
import { hookMistakes } from './hook-mistakes.js'
import { HookTable, type Hook } from './hooks.js'
import { Schedule } from './schedule.js'
import { sequence } from './sequence.js'

function graph(dependencies: Record<string, string[]>): Record<string, Task> {
  return Object.fromEntries(
    Object.entries(dependencies).map(([name, dep]) => [name, { name, dep, fn: () => {} }]),
  )
}

type Declared = readonly ['before' | 'after', string, string]

function list(...declared: Declared[]): Hook[] {
  return declared.map(([when, target, hook]) => ({ when, target, hook }))
}

function hooks(...declared: Declared[]): HookTable {
  return new HookTable(list(...declared))
}

it('puts before-hooks before dependencies, and after-hooks after the task, in the order declared', () => {
  const tasks = graph({ deploy: ['dep'], dep: [], a: [], b: [], c: [], d: [] })
  const { names } = sequence(
    tasks,
    ['deploy'],
    hooks(
      ['before', 'deploy', 'a'],
      ['after', 'deploy', 'c'],
      ['before', 'deploy', 'b'],
      ['after', 'deploy', 'd'],
    ),
  )
  expect(names).toEqual(['a', 'b', 'dep', 'deploy', 'c', 'd'])
})

it('follows hooks and dependencies of hooks, and runs a task once however many tasks need it', () => {
  const tasks = graph({ deploy: [], hook: ['shared'], shared: [], inner: ['shared'] })
  const { names, barriers } = sequence(
    tasks,
    ['shared', 'deploy'],
    hooks(['before', 'deploy', 'hook'], ['before', 'hook', 'inner']),
  )
  expect(names).toEqual(['shared', 'inner', 'hook', 'deploy'])
  expect([...barriers]).toEqual(['inner', 'hook'])
})

it('names the path of a cycle', () => {
  const tasks = graph({ a: [], b: ['c'], c: [] })
  const declared = hooks(['before', 'a', 'b'], ['after', 'c', 'x'], ['before', 'c', 'a'])
  expect(() => sequence(tasks, ['a'], declared)).toThrowError('a -> b -> c -> a')
})

it('reports a missing task as Orchestrator expects, with the nearest name', () => {
  expect(() => sequence(graph({ 'deploy:publish': [] }), ['deploy:publsh'], hooks())).toThrowError(
    expect.objectContaining({
      missingTask: 'deploy:publsh',
      message: expect.stringContaining("'deploy:publish'"),
    }),
  )
})

it('finds undefined hooks, and hooks on undefined tasks', () => {
  const found = hookMistakes(
    graph({ 'deploy:published': [], notify: [] }),
    list(['after', 'deploy:publishd', 'notify'], ['after', 'deploy:published', 'notfy']),
  )
  expect(found).toEqual([
    "after('deploy:publishd', 'notify'): there is no task 'deploy:publishd'; did you mean 'deploy:published'?",
    "after('deploy:published', 'notfy'): there is no task 'notfy'; did you mean 'notify'?",
  ])
})

it('makes a barrier wait for everything before it, and everything after it wait for the barrier', () => {
  const tasks = graph({ one: [], two: [], hook: [], three: [] })
  const ordered = sequence(tasks, ['one', 'two', 'three'], hooks(['after', 'two', 'hook']))
  const schedule = new Schedule(() => tasks)
  schedule.begin(ordered)
  const waiting = Object.values(tasks)
  const allowed = (): string[] =>
    waiting.flatMap((task) => (!task.done && schedule.allows(task) ? [task.name] : []))
  const finish = (name: string): void => {
    const task = waiting.find((each) => each.name === name)
    if (task) schedule.ended(Object.assign(task, { done: true }))
  }
  expect(allowed()).toEqual(['one', 'two'])
  finish('two')
  expect(allowed()).toEqual(['one'])
  finish('one')
  expect(allowed()).toEqual(['hook'])
  finish('hook')
  expect(allowed()).toEqual(['three'])
})

it('finds a cycle of hooks and dependencies, once, before anything runs', () => {
  const found = hookMistakes(
    graph({ a: [], b: ['c'], c: [], d: ['missing'] }),
    list(['before', 'a', 'b'], ['before', 'c', 'a']),
  )
  expect(found).toEqual(['Tasks wait for each other: a -> b -> c -> a'])
})
