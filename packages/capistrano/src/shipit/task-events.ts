import type { Shipit } from './shipit.js'

/** Events of tasks' beginnings and ends; the first listener of each is Shipit's own log. */
const TASK_EVENTS = ['task_start', 'task_stop'] as const

/** Listeners, other than Shipit's own, that watch tasks begin or end, for messages: `on('task_start') build`. */
export function taskWatchers(shipit: Shipit): string[] {
  return TASK_EVENTS.flatMap((event) =>
    shipit
      .listeners(event)
      .slice(1)
      .map(({ name }, index) => `on('${event}') ${name || index + 1}`),
  )
}
