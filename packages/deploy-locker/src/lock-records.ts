import { randomUUID } from 'node:crypto'
import { debuglog } from 'node:util'
import { traced } from 'shipit-capistrano'
import { z } from 'zod'
import type { LockRecord } from './lock-record.js'
import type { LockStore, StoredLock } from './lock-store.js'

const log = debuglog('shipit-lock')

const schema = z.looseObject({
  key: z.string(),
  user: z.string(),
  reason: z.string(),
  since: z.string().refine((time) => !Number.isNaN(Date.parse(time))),
  host: z.string(),
  scope: z.string(),
  number: z.int().min(1),
  token: z.string(),
  lease: z.number().positive(),
  held: z.boolean(),
})

/** A stored state with its record; undefined if the text is not a record. */
export type FoundLock = StoredLock & { readonly record: LockRecord | undefined }

/** The records of one lock in its store. Versions are the store's. */
export class LockRecords {
  constructor(
    readonly store: LockStore,
    readonly key: string,
  ) {}

  async read(): Promise<FoundLock | undefined> {
    const read = () => this.store.read(this.key)
    const found = await traced(log, `read ${this.key}`, read, (state) => shown(state?.version))
    return found && { ...found, record: parse(found.text) }
  }

  /** Writes the next record, and returns its version; undefined if another write was faster. */
  async write(record: LockRecord, expected: string | undefined): Promise<string | undefined> {
    const text = textOf(record)
    const write = () => this.store.write(this.key, text, expected)
    const what = `write ${this.key}, number ${record.number}, ${record.held ? 'held' : 'free'}`
    let failure: unknown
    const written = await traced(log, what, write, shown).catch((error: unknown) => {
      failure = error
      return undefined
    })
    if (written !== undefined) return written
    const found = await this.read().catch((error: unknown) => {
      throw failure ?? error
    })
    if (found?.text === text) return found.version
    if (failure && found?.version === expected) throw failure
    return undefined
  }

  /** Renews a record, and returns its version; undefined if it is not the current one. */
  async renew(record: LockRecord, version: string): Promise<string | undefined> {
    const touched = this.store.touch?.(this.key, version)
    if (!touched) return this.write(record, version)
    const isCurrent = await traced(log, `touch ${this.key}`, () => touched, String)
    return isCurrent ? version : undefined
  }

  /** Writes a record while the process exits, if the store can. */
  writeSync(record: LockRecord, version: string): void {
    this.store.writeSync?.(this.key, textOf(record), version)
  }
}

function shown(version = 'none'): string {
  return `version ${version}`
}

function textOf(record: LockRecord): string {
  return JSON.stringify({ ...record, nonce: randomUUID() })
}

function parse(text: string): LockRecord | undefined {
  try {
    return schema.parse(JSON.parse(text)) as unknown as LockRecord
  } catch {
    return undefined
  }
}
