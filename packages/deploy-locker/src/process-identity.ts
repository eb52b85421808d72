import { createHash } from 'node:crypto'
import { readFile, readlink } from 'node:fs/promises'
import { hostname } from 'node:os'
import { isAlive as processIsAlive } from 'shipit-capistrano'

/** Distinguishes a process from all others, also from a later one with the same id. Holds only what the system reports. */
export interface ProcessIdentity {
  readonly host: string
  /** Distinguishes machines with the same name. */
  readonly machine?: string | undefined
  /** Where the id is valid: containers number their processes separately. */
  readonly pidNamespace?: string | undefined
  /** Changes when the machine boots. */
  readonly bootId?: string | undefined
  readonly pid: number
  /** When the process started, in the kernel's clock ticks. */
  readonly startTime?: string | undefined
}

/** This process. */
export async function ownIdentity(): Promise<ProcessIdentity> {
  return { ...(await ownPlace()), bootId: await bootId(), startTime: await startTime(process.pid) }
}

/** Whether a process is alive; undefined if it runs on another machine or in another container. */
export async function isAlive(identity: ProcessIdentity): Promise<boolean | undefined> {
  const here = await ownPlace()
  for (const place of ['host', 'machine', 'pidNamespace'] as const) {
    if (identity[place] !== here[place]) return undefined
  }
  if (identity.bootId !== (await bootId())) return false
  if (identity.startTime !== undefined) return identity.startTime === (await startTime(identity.pid))
  return processIsAlive(identity.pid)
}

async function ownPlace(): Promise<ProcessIdentity> {
  const machineId = await read('/etc/machine-id')
  return {
    host: hostname(),
    // Machine ids are private: a hash distinguishes them just as well.
    machine:
      machineId &&
      createHash('sha256').update(`shipit-deploy-locker ${machineId}`).digest('hex').slice(0, 16),
    pidNamespace: await readlink('/proc/self/ns/pid').catch(() => undefined),
    pid: process.pid,
  }
}

const bootId = (): Promise<string | undefined> => read('/proc/sys/kernel/random/boot_id')

async function startTime(pid: number): Promise<string | undefined> {
  const stat = await read(`/proc/${pid}/stat`)
  // The program's name, in parentheses, may contain anything. The state follows it, and 19 fields later the start time.
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ')
  // A zombie is dead.
  return fields?.[0] === 'Z' || fields?.[0] === 'X' ? undefined : fields?.[19]
}

async function read(path: string): Promise<string | undefined> {
  const text = await readFile(path, 'utf8').catch(() => '')
  return text.trim() || undefined
}
