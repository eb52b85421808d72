import { randomUUID } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { isAbsolute, join, resolve } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { lock } from 'proper-lockfile'
import { LockError, LockHeldError } from './errors.js'
import { HeldFileLock } from './held-file-lock.js'
import type { HeldLock, LockBreaker, LockHolder, LockProvider, LockRequest } from './lock-provider.js'
import { holderOf, unknownHolder, type LockRecord } from './lock-record.js'
import { NumberedRecords, type Latest } from './numbered-records.js'
import { isAlive, ownIdentity } from './process-identity.js'

/** Options of {@link FileLock}. */
export interface FileLockOptions {
  /** Folder for locks; made when it is missing. Capistrano's `deploy_lock_dir`. */
  readonly dir: string
  /**
   * Seconds after which the lock of another machine, in a shared folder, counts as left behind if it was not refreshed.
   * All machines must have the same. @default 60
   */
  readonly stale?: number
}

/**
 * Locks in a folder: one deploy at a time among all processes that see it. A lock whose process has died on this machine
 * is taken over at once; one of another machine, when it was not refreshed for a minute. Times are the folder's own:
 * it does not matter what clocks the machines have.
 */
export class FileLock implements LockProvider {
  readonly description: string
  private readonly dir: string
  /** Whether the folder is one of the project that is deployed. */
  private readonly isProjects: boolean
  private readonly stale: number

  constructor({ dir, stale = 60 }: FileLockOptions) {
    this.dir = resolve(dir)
    this.description = this.dir
    this.isProjects = !isAbsolute(dir)
    this.stale = stale * 1000
  }

  async acquire(request: LockRequest): Promise<HeldLock> {
    const { key, user, reason, lasting, until } = request
    const identity = request.process ?? (await ownIdentity())
    return this.attempt(async () => {
      const made = await mkdir(this.dir, { recursive: true })
      if (made && this.isProjects) await writeFile(join(this.dir, '.gitignore'), '*\n')
      const records = new NumberedRecords(this.dir, key)
      for (;;) {
        const { latest, held, holder } = await this.find(records, key, request.isAlive)
        if (held) throw new LockHeldError(holder)
        const record: LockRecord = {
          key,
          user,
          reason,
          since: new Date().toISOString(),
          host: hostname(),
          pid: process.pid,
          process: identity,
          lasting,
          until,
          // Numbers count on where they were; without them, others begin.
          domain: latest?.record?.domain ?? randomUUID(),
          token: randomUUID(),
          held: true,
        }
        const number = (latest?.number ?? 0) + 1
        if (!(await claimInTurn(records, number, record))) continue
        return new HeldFileLock({ records, number, record, tookOverFrom: holder, stale: this.stale })
      }
    })
  }

  async inspect(key: string): Promise<LockHolder | undefined> {
    return this.attempt(async () => {
      const records = new NumberedRecords(this.dir, key)
      const { held, holder } = await this.find(records, key)
      return held ? holder : undefined
    })
  }

  async break(key: string, brokenBy: LockBreaker): Promise<LockHolder | undefined> {
    return this.attempt(async () => {
      const records = new NumberedRecords(this.dir, key)
      for (;;) {
        const { latest, holder } = await this.find(records, key)
        if (!latest || !holder) return undefined
        const record = latest.record ?? { ...holder, domain: randomUUID(), token: randomUUID(), held: true }
        const broken = { ...record, held: false, brokenBy }
        if (await claimInTurn(records, latest.number + 1, broken)) return holder
      }
    })
  }

  /** Whether a lock is held, and whose it is or was left behind by. */
  private async find(
    records: NumberedRecords,
    key: string,
    alive: NonNullable<LockRequest['isAlive']> = processIsAlive,
  ): Promise<
    | { readonly latest: Latest; readonly held: true; readonly holder: LockHolder }
    | { readonly latest: Latest | undefined; readonly held: false; readonly holder?: LockHolder }
  > {
    for (;;) {
      const latest = await records.latest()
      if (!latest || latest.record?.held === false) return { latest, held: false }
      const { number, record } = latest
      const holder = record ? holderOf(record) : unknownHolder(key)
      const lives = record && !record.lasting ? await alive(holder) : undefined
      if (lives !== undefined) return { latest, held: lives, holder }
      const times = await records.times(number)
      // There is a higher one by now.
      if (!times) continue
      const ended = record?.lasting
        ? record.until !== undefined && times.now >= Date.parse(record.until)
        : times.age > this.stale
      return { latest, held: !ended, holder }
    }
  }

  private async attempt<T>(run: () => Promise<T>): Promise<T> {
    try {
      return await run()
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (error instanceof LockHeldError || typeof code !== 'string') throw error
      throw new LockError(
        `Can't keep a lock in ${this.dir} (${code}): it must be a folder that this user can write to, on a disk with room. Correct deployLock.dir, or the folder.`,
        error,
      )
    }
  }
}

/**
 * Claims a number while no other process does, for many at once would make work for each other. False if one was first,
 * or it is another's turn.
 */
async function claimInTurn(records: NumberedRecords, number: number, record: LockRecord): Promise<boolean> {
  const { guard } = records
  let done: () => Promise<void>
  try {
    // Who is held up in here for longer finds its number taken: nothing else depends on the turn.
    done = await lock(guard, { lockfilePath: guard, realpath: false, stale: 2000, onCompromised: () => {} })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ELOCKED') throw error
    await pause(5 + Math.random() * 20)
    return false
  }
  try {
    return await records.claim(number, record)
  } finally {
    await done().catch(() => {})
  }
}

async function processIsAlive({ process: identity }: LockHolder): Promise<boolean | undefined> {
  return identity && isAlive(identity)
}
