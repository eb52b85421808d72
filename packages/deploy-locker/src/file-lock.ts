import { rmSync } from 'node:fs'
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { check, lock } from 'proper-lockfile'
import { LockError, LockHeldError, LockLostError } from './errors.js'
import type { HeldLock, LockHolder, LockProvider, LockRequest } from './lock-provider.js'
import { isAlive, ownIdentity, type ProcessIdentity } from './process-identity.js'

/** Milliseconds after which the lock of another machine, in a shared folder, counts as left behind. */
const STALE = 60_000

/** What stands in the file beside a lock. */
type LockRecord = LockHolder & ProcessIdentity

/** Options of {@link FileLock}. */
export interface FileLockOptions {
  /** Folder for locks; made when it is missing. Capistrano's `deploy_lock_dir`. */
  readonly dir: string
}

/**
 * Locks in a folder: one deploy at a time among all processes that see it. A lock whose process has died on this machine
 * is taken over at once; one of another machine, when it was not refreshed for a minute.
 */
export class FileLock implements LockProvider {
  private readonly dir: string

  constructor({ dir }: FileLockOptions) {
    this.dir = resolve(dir)
  }

  async acquire({ key, user, reason }: LockRequest): Promise<HeldLock> {
    const record: LockRecord = {
      key,
      user,
      reason,
      since: new Date().toISOString(),
      ...(await ownIdentity()),
    }
    const lost = new AbortController()
    const paths = this.paths(key)
    return this.guarded(key, async () => {
      const { holder, locked } = await this.read(key)
      if (locked) throw new LockHeldError(holder, `remove ${paths.lock} and ${paths.info}`)
      await rm(paths.lock, { recursive: true, force: true })
      const unlock = await lock(paths.info, {
        lockfilePath: paths.lock,
        realpath: false,
        stale: STALE,
        onCompromised: (error) => lost.abort(new LockLostError(key, error)),
      })
      await writeWhole(paths.info, JSON.stringify(record))
      const forget = (): void => {
        rmSync(paths.info, { force: true })
        rmSync(paths.lock, { recursive: true, force: true })
      }
      const onExit = (): void => {
        if (!lost.signal.aborted) forget()
      }
      process.on('exit', onExit)
      let released = false
      return {
        tookOverFrom: holder.pid === 0 ? undefined : holder,
        lost: lost.signal,
        release: async () => {
          if (released) return
          released = true
          process.off('exit', onExit)
          await this.guarded(key, async () => {
            // Whoever has it now may have taken it over from us.
            if (!isSame((await this.read(key)).holder, record)) return
            await rm(paths.info, { force: true })
            await unlock()
          })
        },
      }
    })
  }

  async inspect(key: string): Promise<LockHolder | undefined> {
    const { holder, locked } = await this.read(key)
    return locked ? holder : undefined
  }

  /** Who has the lock, or had it. */
  private async read(key: string): Promise<{ holder: LockRecord; locked: boolean }> {
    const { info, lock: lockfilePath } = this.paths(key)
    const record = await readRecord(info)
    const fresh = await check(info, { lockfilePath, realpath: false, stale: STALE })
    const alive = record && (await isAlive(record))
    return { holder: record ?? unknownHolder(key), locked: alive ?? fresh }
  }

  private paths(key: string): { info: string; lock: string; guard: string } {
    const name = encodeURIComponent(key).replaceAll('*', '%2A')
    const path = (kind: string): string =>
      join(this.dir, `${name.startsWith('.') ? `%2E${name.slice(1)}` : name}.${kind}`)
    return { info: path('info'), lock: path('lock'), guard: path('guard') }
  }

  /** Reading, judging and changing a lock is one step: no two processes of this folder do it at the same time. */
  private async guarded<T>(key: string, run: () => Promise<T>): Promise<T> {
    const { guard } = this.paths(key)
    let release: () => Promise<void>
    try {
      await mkdir(this.dir, { recursive: true })
      release = await lock(guard, {
        lockfilePath: guard,
        realpath: false,
        retries: { forever: true, minTimeout: 10, maxTimeout: 100, maxRetryTime: 30_000 },
      })
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      throw new LockError(
        `Can't keep a lock in ${this.dir} (${code ?? String(error)}): it must be a folder that this user can write to. Correct deployLock.dir, or the folder.`,
        error,
      )
    }
    try {
      return await run()
    } finally {
      await release()
    }
  }
}

async function readRecord(path: string): Promise<LockRecord | undefined> {
  try {
    const record = JSON.parse(await readFile(path, 'utf8')) as LockRecord
    return Number.isInteger(record.pid) &&
      typeof record.host === 'string' &&
      !Number.isNaN(Date.parse(record.since))
      ? record
      : undefined
  } catch {
    return undefined
  }
}

/** Written aside and renamed: nobody ever reads half of it. */
async function writeWhole(path: string, content: string): Promise<void> {
  await writeFile(`${path}.new`, content)
  await rename(`${path}.new`, path)
}

function isSame(a: LockRecord, b: LockRecord): boolean {
  return a.host === b.host && a.pid === b.pid && a.since === b.since && a.startTime === b.startTime
}

function unknownHolder(key: string): LockRecord {
  return {
    key,
    user: 'somebody unknown',
    reason: 'its details are missing',
    since: new Date().toISOString(),
    host: 'unknown',
    pid: 0,
    bootId: undefined,
    startTime: undefined,
  }
}
