import type { Task } from './shipit.js'

/** Whether a task only groups others: it has no function. */
export function isGroup({ fn }: Task): boolean {
  return /^function\s*\(\)\s*\{\s*\}$/.test(fn.toString())
}
