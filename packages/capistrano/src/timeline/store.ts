import { randomBytes } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseTimeline, type TimelineRecord } from './record.js'

/** Number of runs that are kept per environment. */
export const KEPT_TIMELINES = 20

/** A record's file: `20261125T140312123Z.production.4f2a9c01.json`; with `.new` while it is written. */
const OWN = /^\d{8}T\d{9}Z\.(?<environment>.+)\.[0-9a-f]{8}\.json(?<unfinished>\.new)?$/

/**
 * The timelines of the last {@link KEPT_TIMELINES} runs of each environment, as files in a folder. Foreign files in it are left
 * alone.
 *
 * It is synchronous so that a run can save its timeline even when the process is about to end.
 */
export class TimelineStore {
  /** @param folder its files are in here; created when needed */
  constructor(readonly folder: string) {}

  /** Saves a run, atomically, and removes the runs of its environment that are too old. */
  save(record: TimelineRecord): void {
    mkdirSync(this.folder, { recursive: true })
    const time = new Date(record.startedAt).toISOString().replaceAll(/[-:.]/g, '')
    // Runs may start in the same millisecond.
    const unique = randomBytes(4).toString('hex')
    const file = join(this.folder, `${time}.${encodeURIComponent(record.environment)}.${unique}.json`)
    // Readable for everybody who may read the folder: it holds no secrets, and colleagues share a deploy machine.
    try {
      writeFileSync(`${file}.new`, JSON.stringify(record))
      renameSync(`${file}.new`, file)
    } catch (error) {
      rmSync(`${file}.new`, { force: true })
      throw error
    }
    this.prune(record.environment)
  }

  /** The runs of an environment, newest first, without files that can't be read. */
  all(environment: string): TimelineRecord[] {
    return this.files(environment)
      .filter(({ unfinished }) => !unfinished)
      .flatMap(({ name }) => this.read(name) ?? [])
      .filter((record) => record.environment === environment)
  }

  private read(name: string): TimelineRecord | undefined {
    try {
      return parseTimeline(readFileSync(join(this.folder, name), 'utf8'))
    } catch {
      // It may belong to somebody else, or have been removed by a run that has just ended.
      return undefined
    }
  }

  private prune(environment: string): void {
    const files = this.files(environment)
    const oldest = files.filter(({ unfinished }) => !unfinished).at(KEPT_TIMELINES - 1)
    if (!oldest) return
    for (const { name } of files.slice(files.indexOf(oldest) + 1)) {
      try {
        rmSync(join(this.folder, name), { force: true })
      } catch {
        // Somebody else's, in a folder where users may only delete their own files.
      }
    }
  }

  /** Names of an environment's files, newest first. */
  private files(environment: string): { readonly name: string; readonly unfinished: boolean }[] {
    return this.names()
      .flatMap((name) => {
        const { environment: encoded, unfinished } = OWN.exec(name)?.groups ?? {}
        return encoded === encodeURIComponent(environment)
          ? [{ name, unfinished: unfinished !== undefined }]
          : []
      })
      .toSorted((a, b) => (a.name < b.name ? 1 : -1))
  }

  private names(): string[] {
    try {
      return readdirSync(this.folder)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
      throw error
    }
  }
}
