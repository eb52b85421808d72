import { randomUUID } from 'node:crypto'
import { existsSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { link, open, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseRecord, type LockRecord } from './lock-record.js'

/** The record with the highest number. */
export interface Latest {
  readonly number: number
  /** Undefined if it can't be read. */
  readonly record: LockRecord | undefined
}

/**
 * A lock's records in a folder, each in a file with a number in its name. The one with the highest number counts, and the
 * next number is given to exactly one process: the file system makes a name once. Whoever was held up finds the number
 * that it wanted taken, or a higher one.
 */
export class NumberedRecords {
  private readonly name: string

  constructor(
    private readonly dir: string,
    key: string,
  ) {
    const safe = encodeURIComponent(key).replaceAll('*', '%2A')
    this.name = safe.startsWith('.') ? `%2E${safe.slice(1)}` : safe
  }

  /** Path of what makes steps in this folder one at a time. */
  get guard(): string {
    return join(this.dir, `${this.name}.guard`)
  }

  path(number: number): string {
    return join(this.dir, `${this.name}.${number}.info`)
  }

  async latest(): Promise<Latest | undefined> {
    for (;;) {
      const number = (await this.numbers()).at(-1)
      if (number === undefined) return undefined
      const text = await readFile(this.path(number), 'utf8').catch(ignoreMissing)
      // Else there is a higher one by now.
      if (text !== undefined) return { number, record: parseRecord(text) }
    }
  }

  /** Writes the record of a number that no process had before. False if one has, or a higher number is there. */
  async claim(number: number, record: LockRecord): Promise<boolean> {
    const whole = this.aside()
    try {
      await writeFile(whole, JSON.stringify(record))
      await link(whole, this.path(number))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
      throw error
    } finally {
      await rm(whole, { force: true })
    }
    const numbers = await this.numbers()
    if (numbers.at(-1) !== number) {
      await this.remove(number)
      return false
    }
    // They may be another user's, in a folder in which each removes their own.
    for (const lower of numbers.slice(0, -1)) await this.remove(lower).catch(() => {})
    return true
  }

  /** Writes a number's record anew. It counts only while there is no higher one. */
  async rewrite(number: number, record: LockRecord): Promise<void> {
    const whole = this.aside()
    await writeFile(whole, JSON.stringify(record))
    await rename(whole, this.path(number))
  }

  async remove(number: number): Promise<void> {
    await rm(this.path(number), { force: true })
  }

  /** As {@link rewrite}, while the process exits. */
  rewriteSync(number: number, record: LockRecord): void {
    if (!existsSync(this.path(number))) return
    const whole = this.aside()
    try {
      writeFileSync(whole, JSON.stringify(record))
      renameSync(whole, this.path(number))
    } catch {
      rmSync(whole, { force: true })
    }
  }

  /** Makes a record young, by the folder's own clock. */
  async touch(number: number): Promise<void> {
    const file = await open(this.path(number), 'r+')
    try {
      // A record's first byte is always this one. A time given by this machine would be of this machine's clock.
      await file.write('{', 0)
    } finally {
      await file.close()
    }
  }

  /**
   * Milliseconds since a record was written or touched, and the time now, by the folder's own clock; undefined if the
   * record is gone.
   */
  async times(number: number): Promise<{ readonly age: number; readonly now: number } | undefined> {
    const probe = this.aside()
    try {
      await writeFile(probe, '')
      const { mtimeMs: now } = await stat(probe)
      const record = await stat(this.path(number)).catch(ignoreMissing)
      return record && { age: now - record.mtimeMs, now }
    } finally {
      await rm(probe, { force: true })
    }
  }

  private async numbers(): Promise<number[]> {
    const names = (await readdir(this.dir).catch(ignoreMissing)) ?? []
    return names
      .filter((name) => name.startsWith(`${this.name}.`))
      .flatMap((name) => /^(\d+)\.info$/.exec(name.slice(this.name.length + 1))?.[1] ?? [])
      .map(Number)
      .sort((a, b) => a - b)
  }

  private aside(): string {
    return join(this.dir, `${this.name}.${randomUUID()}.new`)
  }
}

function ignoreMissing(error: unknown): undefined {
  if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
}
