import type { Task } from './shipit.js'

/** Whether a task only stands for others: it has no function of its own. */
export function isGroup({ fn }: Task): boolean {
  return /^function\s*\(\)\s*\{\s*\}$/.test(fn.toString())
}
