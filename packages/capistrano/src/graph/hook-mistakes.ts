import { nearest } from '../settings/nearest.js'
import type { Task } from '../shipit/shipit.js'
import { HookTable, type Hook } from './hooks.js'
import { sequence, SequenceError } from './sequence.js'

/** Messages about mistakes in hooks: unknown tasks, cycles. */
export function hookMistakes(tasks: Readonly<Record<string, Task>>, hooks: readonly Hook[]): string[] {
  const known = Object.keys(tasks)
  const found = hooks.flatMap(({ when, target, hook }) =>
    [target, hook]
      .filter((name) => !tasks[name])
      .map((name) => {
        const suggestion = nearest(name, known)
        return `${when}('${target}', '${hook}'): there is no task '${name}'${suggestion ? `; did you mean '${suggestion}'?` : ''}`
      }),
  )
  if (found.length > 0) return found

  // A missing dependency is reported when its task is started, as in Shipit.
  const complete = Object.fromEntries(
    Object.entries(tasks).map(([name, task]) => [
      name,
      { ...task, dep: task.dep.filter((dependency) => tasks[dependency]) },
    ]),
  )
  try {
    sequence(complete, known, new HookTable(hooks))
    return []
  } catch (error) {
    if (error instanceof SequenceError) return [error.message]
    throw error
  }
}
