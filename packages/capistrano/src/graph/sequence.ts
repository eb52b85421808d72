import { nearest } from '../settings/nearest.js'
import type { Task } from '../shipit/shipit.js'
import type { HookTable } from './hooks.js'

/** Tasks in running order, and which of them are barriers. */
export interface Sequence {
  readonly names: readonly string[]
  /**
   * Tasks that are hooks, were reached through one, or are to wait like one. A barrier waits for all that stands before it, and all that stands
   * behind waits for it.
   */
  readonly barriers: ReadonlySet<string>
  /** Those of them that are hooks themselves, and not what a hook depends on. */
  readonly hooks: ReadonlySet<string>
}

/** What Orchestrator expects of the errors that its `sequence` throws. */
export class SequenceError extends Error {
  readonly showStack = false
  missingTask?: string
  recursiveTasks?: readonly string[]
}

/**
 * Puts tasks into running order: before-hooks, dependencies, the task, after-hooks; each task once.
 * @throws {SequenceError} with `missingTask` or `recursiveTasks`, as sequencify has them
 */
export function sequence(
  tasks: Readonly<Record<string, Task>>,
  names: readonly string[],
  table: HookTable,
): Sequence {
  const order = new Set<string>()
  const barriers = new Set<string>()
  const hooks = new Set<string>()
  // A set keeps the order, too, and knows at once whether a task waits for itself.
  const path = new Set<string>()

  const visit = (name: string, isHook: boolean, behindHook = isHook): void => {
    if (order.has(name)) return
    const task = tasks[name]
    if (!task) throw missing(name, Object.keys(tasks))
    if (path.has(name)) throw recursion([...path], name)
    path.add(name)
    for (const hook of table.of('before', name)) visit(hook, true)
    for (const dependency of task.dep) visit(dependency, false, behindHook)
    order.add(name)
    if (behindHook || table.isBarrier(name)) barriers.add(name)
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
