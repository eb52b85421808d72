import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'

interface ProcessEntry {
  readonly pid: number
  readonly parent: number
}

const PROC = '/proc/self/environ'

/**
 * Kills a process and all its descendants, in any process group or session. Stops each before listing its children, so
 * that it can't start more unseen. Synchronous, for use while Node exits.
 * @returns the killed process ids
 */
export function killTree(root: number): number[] {
  const tree = [root]
  for (const pid of tree) {
    if (!signal(pid, 'SIGSTOP')) continue
    for (const child of runningProcesses()) if (child.parent === pid) tree.push(child.pid)
  }
  for (const pid of tree) signal(pid, 'SIGKILL')
  return tree
}

/**
 * Kills the processes whose environment has `mark` (`NAME=value`), since those that outlived their parent are no longer in
 * its tree. Finds none without /proc.
 * @returns the killed process ids
 */
export function killMarked(mark: string): number[] {
  if (!existsSync(PROC)) return []
  const marked = runningProcesses()
    .map(({ pid }) => pid)
    .filter((pid) => pid !== process.pid && environmentOf(pid).includes(mark))
  for (const pid of marked) signal(pid, 'SIGKILL')
  return marked
}

/** Whether any of these processes is still running. */
export function anyRuns(pids: readonly number[]): boolean {
  return runningProcesses().some(({ pid }) => pids.includes(pid))
}

function signal(pid: number, name: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, name)
  } catch {
    return false
  }
}

function environmentOf(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0')
  } catch {
    return []
  }
}

/** Excludes zombies: in a container, there may be no process to reap them. */
function runningProcesses(): ProcessEntry[] {
  const entries = existsSync(PROC) ? procEntries() : psEntries()
  return entries.filter(({ state }) => !state.startsWith('Z'))
}

function procEntries(): (ProcessEntry & { state: string })[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
        // The name in parentheses may itself contain parentheses.
        const [state = '', parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
        return [{ pid: Number(pid), parent: Number(parent), state }]
      } catch {
        return []
      }
    })
}

function psEntries(): (ProcessEntry & { state: string })[] {
  return execFileSync('ps', ['-A', '-o', 'pid=,ppid=,stat='], { encoding: 'utf8' })
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .map(([pid, parent, state = '']) => ({ pid: Number(pid), parent: Number(parent), state }))
}
