import { nearest } from '../settings/nearest.js'
import type { Task } from '../shipit.js'
import type { Hooks } from './hooks.js'
import { sequence, SequenceError } from './sequence.js'

/** What is wrong with the hooks, a sentence each: unknown tasks, cycles. */
export function hookMistakes(tasks: Readonly<Record<string, Task>>, hooks: Hooks): string[] {
  const known = Object.keys(tasks)
  const found = hooks.all().flatMap(({ when, target, hook }) =>
    [target, hook]
      .filter((name) => !tasks[name])
      .map((name) => {
        const suggestion = nearest(name, known)
        return `${when}('${target}', '${hook}'): there is no task '${name}'${suggestion ? `; did you mean '${suggestion}'?` : ''}`
      }),
  )
  if (found.length > 0) return found

  const cycles = new Set<string>()
  for (const name of known) {
    try {
      sequence(tasks, [name], hooks)
    } catch (error) {
      // A dependency that is missing is told when its task is started, as Shipit does.
      if (error instanceof SequenceError && error.recursiveTasks) cycles.add(error.message)
    }
  }
  // One cycle is met once from each of its tasks.
  return [...cycles].slice(0, 1)
}
