import { readFile } from 'node:fs/promises'
import { hostname } from 'node:os'

/** Tells a process from all others, also from a later one that was given the same id. */
export interface ProcessIdentity {
  readonly host: string
  readonly pid: number
  /** Start of this machine's kernel, if it tells. */
  readonly bootId: string | undefined
  /** When the process started, in the kernel's clock ticks, if it tells. */
  readonly startTime: string | undefined
}

/** This process. */
export async function ownIdentity(): Promise<ProcessIdentity> {
  return {
    host: hostname(),
    pid: process.pid,
    bootId: await bootId(),
    startTime: await startTime(process.pid),
  }
}

/** Whether a process lives; undefined if that can't be told from here, as it is another machine's. */
export async function isAlive(identity: ProcessIdentity): Promise<boolean | undefined> {
  if (identity.host !== hostname()) return undefined
  if (identity.bootId !== undefined && identity.bootId !== (await bootId())) return false
  if (identity.startTime !== undefined) return identity.startTime === (await startTime(identity.pid))
  try {
    process.kill(identity.pid, 0)
    return true
  } catch (error) {
    // EPERM: it lives, as somebody else's.
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

async function bootId(): Promise<string | undefined> {
  return readFile('/proc/sys/kernel/random/boot_id', 'utf8').then(
    (text) => text.trim(),
    () => undefined,
  )
}

async function startTime(pid: number): Promise<string | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined)
  // The name of the program, in parentheses, may hold anything; the 22nd field is the 20th behind it.
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
}
