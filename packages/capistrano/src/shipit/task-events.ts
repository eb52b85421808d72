import type { Shipit } from './shipit.js'

/** Events of tasks' beginnings and ends; the first listener of each is Shipit's own log. */
export const TASK_EVENTS = ['task_start', 'task_stop'] as const

/** Whether others than Shipit listen to tasks' beginnings or ends. */
export function isWatched(shipit: Shipit): boolean {
  return TASK_EVENTS.some((event) => shipit.listenerCount(event) > 1)
}
