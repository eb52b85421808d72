import { createHash } from 'node:crypto'
import { readFile, readlink } from 'node:fs/promises'
import { hostname } from 'node:os'
import { isAlive as processLives } from 'shipit-capistrano'

/** Tells a process from all others, also from a later one that was given the same id. What a system does not tell is left out. */
export interface ProcessIdentity {
  readonly host: string
  /** Tells machines of the same name apart. */
  readonly machine?: string | undefined
  /** Where the id counts: containers number their processes apart. */
  readonly pidNamespace?: string | undefined
  /** This start of the machine's kernel. */
  readonly bootId?: string | undefined
  readonly pid: number
  /** When the process started, in the kernel's clock ticks. */
  readonly startTime?: string | undefined
}

/** This process. */
export async function ownIdentity(): Promise<ProcessIdentity> {
  return { ...(await ownPlace()), bootId: await bootId(), startTime: await startTime(process.pid) }
}

/** Whether a process lives; undefined if that can't be told from here, as it is another machine's or container's. */
export async function isAlive(identity: ProcessIdentity): Promise<boolean | undefined> {
  const here = await ownPlace()
  for (const place of ['host', 'machine', 'pidNamespace'] as const) {
    if (identity[place] !== here[place]) return undefined
  }
  if (identity.bootId !== (await bootId())) return false
  if (identity.startTime !== undefined) return identity.startTime === (await startTime(identity.pid))
  return processLives(identity.pid)
}

async function ownPlace(): Promise<ProcessIdentity> {
  const machineId = await read('/etc/machine-id')
  return {
    host: hostname(),
    // Machine ids are to be kept private: a hash tells them apart as well.
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
  // The name of the program, in parentheses, may hold anything. Behind it come the state, and 19 fields on the start.
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ')
  // A process that was killed and that nobody has waited for yet is dead.
  return fields?.[0] === 'Z' || fields?.[0] === 'X' ? undefined : fields?.[19]
}

async function read(path: string): Promise<string | undefined> {
  const text = await readFile(path, 'utf8').catch(() => '')
  return text.trim() || undefined
}
