import { nearest } from '../settings/nearest.js'
import type { Task } from '../shipit/shipit.js'
import type { HookTable } from './hooks.js'

/** Tasks in running order. */
export interface Sequence {
  readonly names: readonly string[]
  /**
   * Hooks, tasks reached through hooks, and other declared barriers. A barrier waits for everything before it, and everything
   * after waits for it.
   */
  readonly barriers: ReadonlySet<string>
  /** The hooks themselves, without their dependencies. */
  readonly hooks: ReadonlySet<string>
}

/** An error as Orchestrator expects it from `sequence`. */
export class SequenceError extends Error {
  readonly showStack = false
  missingTask?: string
  recursiveTasks?: readonly string[]
}

/**
 * Puts tasks into running order: before-hooks, dependencies, the task, after-hooks; each task once.
 * @throws {SequenceError} with `missingTask` or `recursiveTasks`, as in sequencify
 */
export function sequence(
  tasks: Readonly<Record<string, Task>>,
  names: readonly string[],
  table: HookTable,
): Sequence {
  const order = new Set<string>()
  const barriers = new Set<string>()
  const hooks = new Set<string>()
  // An ordered set, for a fast check whether a task waits for itself.
  const path = new Set<string>()

  const visit = (name: string, isHook: boolean, viaHook = isHook): void => {
    if (order.has(name)) return
    const task = tasks[name]
    if (!task) throw missing(name, Object.keys(tasks))
    if (path.has(name)) throw recursion([...path], name)
    path.add(name)
    for (const hook of table.of('before', name)) visit(hook, true)
    for (const dependency of task.dep) visit(dependency, false, viaHook)
    order.add(name)
    if (viaHook || table.isBarrier(name)) barriers.add(name)
    if (isHook) hooks.add(name)
    for (const hook of table.of('after', name)) visit(hook, true)
    path.delete(name)
  }

  for (const name of names) visit(name, false)
  return { names: [...order], barriers, hooks }
}

function missing(name: string, known: readonly string[]): SequenceError {
  const suggestion = nearest(name, known)
  const error = new SequenceError(
    `Task '${name}' is not defined${suggestion ? `: did you mean '${suggestion}'?` : '.'}`,
  )
  error.missingTask = name
  return error
}

function recursion(path: readonly string[], name: string): SequenceError {
  const recursiveTasks = [...path.slice(path.indexOf(name)), name]
  const error = new SequenceError(`Tasks wait for each other: ${recursiveTasks.join(' -> ')}`)
  error.recursiveTasks = recursiveTasks
  return error
}
