import { randomUUID } from 'node:crypto'
import { existsSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { link, mkdir, open, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { isAbsolute, join, resolve } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { lock as takeTurn } from 'proper-lockfile'
import { LockError } from './errors.js'
import { keepFresh } from './keep-fresh.js'
import type { LockStore, StoredLock } from './lock-store.js'

/** Options of {@link FileLockStore}. */
export interface FileLockStoreOptions {
  /** Folder for locks; made when it is missing. Capistrano's `deploy_lock_dir`. */
  readonly dir: string
  /** Seconds after which another machine may take over the lock of a deploy that was not heard of, in a shared folder. @default 60 */
  readonly lease?: number
}

/**
 * Locks in a folder. A state is a file with a number in its name; the highest one counts, and the next number is given to
 * exactly one process: the file system makes a name once. Times are the folder's own.
 */
export class FileLockStore implements LockStore {
  readonly description: string
  readonly lease: number
  /** A look costs little here, and shows soon that somebody has broken the lock. */
  readonly renewEvery = 2000
  private readonly dir: string
  /** Whether the folder is one of the project that is deployed. */
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
        const text = await readFile(file, 'utf8').catch(ignoreMissing)
        const times = text === undefined ? undefined : await this.times(file)
        // Else there is a higher one by now.
        if (text !== undefined && times) return { version: String(number), text, ...times }
      }
    })
  }

  write(key: string, text: string, expected = '0'): Promise<string | undefined> {
    const number = Number(expected) + 1
    return this.attempt(async () => {
      const made = await mkdir(this.dir, { recursive: true })
      if (made && this.isProjects) await writeFile(join(this.dir, '.gitignore'), '*\n')
      const done = await this.turn(key)
      if (!done) return undefined
      try {
        return (await this.claim(key, number, text)) ? String(number) : undefined
      } finally {
        await done().catch(() => {})
      }
    })
  }

  renew(key: string, _: string, version: string): Promise<string | undefined> {
    return this.attempt(async () => {
      if ((await this.numbers(key)).at(-1) !== Number(version)) return undefined
      const file = await open(this.path(key, version), 'r+').catch(ignoreMissing)
      if (!file) return undefined
      try {
        // A text's first byte is always this one. A time given by this machine would be of this machine's clock.
        await file.write('{', 0)
        return version
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

  /** Writes the file of a number that no process had before. False if one has, or a higher number is there. */
  private async claim(key: string, number: number, text: string): Promise<boolean> {
    const whole = this.aside(key)
    try {
      await writeFile(whole, text)
      await link(whole, this.path(key, number))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
      throw error
    } finally {
      await rm(whole, { force: true })
    }
    const numbers = await this.numbers(key)
    if (numbers.at(-1) !== number) {
      await rm(this.path(key, number), { force: true })
      return false
    }
    // They may be another user's, in a folder in which each removes their own.
    for (const lower of numbers.slice(0, -1)) await rm(this.path(key, lower), { force: true }).catch(() => {})
    return true
  }

  /** One at a time, as many at once would make work for each other; undefined if it is another's turn. */
  private async turn(key: string): Promise<(() => Promise<void>) | undefined> {
    const guard = join(this.dir, `${safe(key)}.guard`)
    try {
      // Who is held up in here for longer finds its number taken: nothing else depends on the turn.
      return await takeTurn(guard, {
        lockfilePath: guard,
        realpath: false,
        stale: 2000,
        onCompromised: () => {},
      })
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ELOCKED') throw error
      await pause(5 + Math.random() * 20)
      return undefined
    }
  }

  private async times(file: string): Promise<{ readonly age: number; readonly now: number } | undefined> {
    const probe = `${file}.${randomUUID()}.new`
    try {
      await writeFile(probe, '')
      const { mtimeMs: now } = await stat(probe)
      const found = await stat(file).catch(ignoreMissing)
      return found && { age: now - found.mtimeMs, now }
    } finally {
      await rm(probe, { force: true })
    }
  }

  private async numbers(key: string): Promise<number[]> {
    const name = safe(key)
    const names = (await readdir(this.dir).catch(ignoreMissing)) ?? []
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
        `Can't keep a lock in ${this.dir} (${code ?? String(error)}): it must be a folder that this user can write to, on a disk with room. Correct deployLock.dir, or the folder.`,
        error,
      )
    }
  }
}

/** A lock's name as part of a file's. */
function safe(key: string): string {
  const name = encodeURIComponent(key).replaceAll('*', '%2A')
  return name.startsWith('.') ? `%2E${name.slice(1)}` : name
}

function ignoreMissing(error: unknown): undefined {
  if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
}
