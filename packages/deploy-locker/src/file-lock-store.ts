import { randomUUID } from 'node:crypto'
import { existsSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { link, mkdir, open, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { isAbsolute, join, resolve } from 'node:path'
import { LockError } from './errors.js'
import { keepFresh } from './keep-fresh.js'
import type { LockStore, StoredLock } from './lock-store.js'

/** Options of {@link FileLockStore}. */
export interface FileLockStoreOptions {
  /** Folder for locks; created if missing. Capistrano's `deploy_lock_dir`. */
  readonly dir: string
  /** Seconds after which another machine may take over a lock that was not renewed, in a shared folder. @default 60 */
  readonly lease?: number
}

/**
 * Locks in a folder. A state is a file with a number in its name; the highest number is current. Exactly one process gets the next
 * number, because the file system creates a name only once. Times are the file system's.
 */
export class FileLockStore implements LockStore {
  readonly description: string
  readonly lease: number
  /** Cheap here, and soon shows that somebody broke the lock. */
  readonly renewEvery = 2000
  private readonly dir: string
  /** Whether the folder is inside the project. */
  private readonly isProjects: boolean

  constructor({ dir, lease = 60 }: FileLockStoreOptions) {
    this.dir = resolve(dir)
    this.description = this.dir
    this.isProjects = !isAbsolute(dir)
    this.lease = lease
  }

  read(key: string): Promise<StoredLock | undefined> {
    return this.attempt(async () => {
      for (;;) {
        const number = (await this.numbers(key)).at(-1)
        if (number === undefined) return undefined
        const file = this.path(key, number)
        const text = await readFile(file, 'utf8').catch(ignore('ENOENT'))
        const times = text === undefined ? undefined : await this.times(file)
        // Otherwise there is a higher number by now.
        if (text !== undefined && times) return { version: String(number), text, ...times }
      }
    })
  }

  write(key: string, text: string, expected = '0'): Promise<string | undefined> {
    const number = Number(expected) + 1
    return this.attempt(async () => {
      const made = await mkdir(this.dir, { recursive: true })
      if (made && this.isProjects) await writeFile(join(this.dir, '.gitignore'), '*\n')
      const endTurn = await this.turn(key)
      try {
        return endTurn && (await this.claim(key, number, text)) ? String(number) : undefined
      } finally {
        await endTurn?.().catch(() => {})
      }
    })
  }

  touch(key: string, version: string): Promise<boolean> {
    return this.attempt(async () => {
      if ((await this.numbers(key)).at(-1) !== Number(version)) return false
      const file = await open(this.path(key, version), 'r+').catch(ignore('ENOENT'))
      if (!file) return false
      try {
        // Rewrites the first byte of the text: utimes would set this machine's time.
        await file.write('{', 0)
        return true
      } finally {
        await file.close()
      }
    })
  }

  async remove(key: string, version: string): Promise<void> {
    await this.attempt(() => rm(this.path(key, version), { force: true }))
  }

  writeSync(key: string, text: string, version: string): void {
    const file = this.path(key, version)
    // A removed state must not come back: it may have a higher number than the current one.
    if (!existsSync(file)) return
    const whole = this.aside(key)
    try {
      writeFileSync(whole, text)
      renameSync(whole, file)
    } catch {
      rmSync(whole, { force: true })
    }
  }

  keepYoung(key: string, version: string, every: number): () => void {
    return keepFresh(this.path(key, version), every)
  }

  /** Creates the file of a number. False if another process did, or there is a higher number. */
  private async claim(key: string, number: number, text: string): Promise<boolean> {
    const whole = this.aside(key)
    const file = this.path(key, number)
    try {
      await writeFile(whole, text)
      const isFirst = await link(whole, file).then(() => true, ignore('EEXIST'))
      if (!isFirst) return false
    } finally {
      await rm(whole, { force: true })
    }
    const numbers = await this.numbers(key)
    if (numbers.at(-1) !== number) {
      await rm(file, { force: true })
      return false
    }
    // They may belong to another user, in a folder where users may only delete their own files.
    for (const lower of numbers.slice(0, -1)) await rm(this.path(key, lower), { force: true }).catch(() => {})
    return true
  }

  /**
   * Waits for a turn, because many concurrent writers would slow each other down; undefined if another still has its turn.
   * Correctness does not depend on it: a writer that was delayed finds its number taken.
   */
  private async turn(key: string): Promise<(() => Promise<void>) | undefined> {
    const guard = join(this.dir, `${safe(key)}.guard`)
    const retries = { retries: 1, minTimeout: 5, maxTimeout: 25, randomize: true }
    const options = { lockfilePath: guard, realpath: false, stale: 2000, retries, onCompromised: () => {} }
    const { lock } = await import('proper-lockfile')
    return lock(guard, options).catch(ignore('ELOCKED'))
  }

  private async times(file: string): Promise<{ readonly age: number; readonly now: number } | undefined> {
    const probe = `${file}.${randomUUID()}.new`
    try {
      await writeFile(probe, '')
      const { mtimeMs: now } = await stat(probe)
      const found = await stat(file).catch(ignore('ENOENT'))
      return found && { age: now - found.mtimeMs, now }
    } finally {
      await rm(probe, { force: true })
    }
  }

  private async numbers(key: string): Promise<number[]> {
    const name = safe(key)
    const names = (await readdir(this.dir).catch(ignore('ENOENT'))) ?? []
    return names
      .filter((each) => each.startsWith(`${name}.`))
      .flatMap((each) => /^(\d+)\.info$/.exec(each.slice(name.length + 1))?.[1] ?? [])
      .map(Number)
      .sort((a, b) => a - b)
  }

  private path(key: string, number: number | string): string {
    return join(this.dir, `${safe(key)}.${number}.info`)
  }

  private aside(key: string): string {
    return join(this.dir, `${safe(key)}.${randomUUID()}.new`)
  }

  private async attempt<T>(run: () => Promise<T>): Promise<T> {
    try {
      return await run()
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      throw new LockError(
        `Can't keep a lock in ${this.dir} (${code ?? String(error)}): it must be a folder that this user can write to, on a disk that is not full. Correct deployLock.dir or the folder.`,
        error,
      )
    }
  }
}

/** A lock's name, as part of a file name. */
function safe(key: string): string {
  const name = encodeURIComponent(key).replaceAll('*', '%2A')
  return name.startsWith('.') ? `%2E${name.slice(1)}` : name
}

/** Handles errors with this code, and throws others. */
function ignore(code: string): (error: unknown) => undefined {
  return (error) => {
    if ((error as NodeJS.ErrnoException).code !== code) throw error
  }
}
