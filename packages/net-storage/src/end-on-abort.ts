import type { ChildProcess } from 'node:child_process'
import { pidtree } from 'pidtree'

/**
 * Ends a process when a signal is aborted, with all that it has started: Node would end that one alone, and what git or npm
 * left behind would go on when this process is gone.
 */
export function endOnAbort(child: ChildProcess, signal: AbortSignal): void {
  const end = (): void => void endTree(child)
  signal.addEventListener('abort', end, { once: true })
  child.once('close', () => signal.removeEventListener('abort', end))
  if (signal.aborted) end()
}

async function endTree(child: ChildProcess): Promise<void> {
  if (child.pid === undefined) return
  // Where it can't be told, at least those that look after their own children end them.
  const descendants = await pidtree(child.pid).catch(() => [])
  for (const pid of descendants) {
    try {
      process.kill(pid, 'SIGTERM')
    } catch {
      // It has ended.
    }
  }
  child.kill('SIGTERM')
}
