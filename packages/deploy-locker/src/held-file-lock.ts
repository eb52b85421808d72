import { setTimeout as pause } from 'node:timers/promises'
import type { FencingToken } from 'shipit-capistrano'
import { keepFresh } from './keep-fresh.js'
import type { HeldLock, LockHolder } from './lock-provider.js'
import { howLost, type LockRecord } from './lock-record.js'
import type { NumberedRecords } from './numbered-records.js'

/** Milliseconds between two looks at the record, for the case that somebody breaks the lock. */
const LOOK_EVERY = 2000

/** Milliseconds until a folder that is out of reach is looked at again. */
const TRY_AGAIN_AFTER = 200

/** A lock in a folder while this process has it. */
export class HeldFileLock implements HeldLock {
  readonly tookOverFrom: LockHolder | undefined
  readonly fence: FencingToken
  private readonly abort = new AbortController()
  private readonly records: NumberedRecords
  private readonly number: number
  private readonly record: LockRecord
  /** Milliseconds that the folder may be out of reach before others may take the lock over. */
  private readonly patience: number
  private readonly stopFreshening: () => void
  private readonly timer: NodeJS.Timeout
  private seenAt = performance.now()
  private released = false

  constructor(details: {
    readonly records: NumberedRecords
    readonly number: number
    readonly record: LockRecord
    readonly tookOverFrom: LockHolder | undefined
    /** Milliseconds. */
    readonly stale: number
  }) {
    const { records, number, record, tookOverFrom, stale } = details
    this.records = records
    this.number = number
    this.record = record
    this.tookOverFrom = tookOverFrom
    this.fence = { scope: record.domain, number }
    this.patience = stale * 0.75
    this.stopFreshening = record.lasting ? () => {} : keepFresh(records.path(number), stale / 4)
    this.timer = setInterval(() => void this.look(), Math.min(LOOK_EVERY, stale / 4)).unref()
    if (!record.lasting) process.on('exit', this.onExit)
  }

  get lost(): AbortSignal {
    return this.abort.signal
  }

  async confirm(): Promise<void> {
    while (!this.released && !(await this.look()) && !this.released) await pause(TRY_AGAIN_AFTER)
    this.lost.throwIfAborted()
    if (this.released) throw new Error('it was given back')
  }

  async release(): Promise<void> {
    if (this.released) return
    this.end()
    if (!(await this.isOurs())) return
    try {
      await this.records.rewrite(this.number, { ...this.record, held: false })
    } catch {
      // A full disk has no room for a record, but room for none.
      await this.records.remove(this.number)
    }
  }

  /** Whether it is certain that the lock is still held; if it is certain that it is not, it is lost from then on. */
  private async look(): Promise<boolean> {
    try {
      if (!(await this.isOurs())) return this.lose(howLost((await this.records.latest())?.record))
      await this.records.touch(this.number)
      this.seenAt = performance.now()
      return true
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return this.lose(howLost(undefined))
      if (performance.now() - this.seenAt > this.patience)
        return this.lose(new Error(`its folder is out of reach (${String(error)})`))
      return false
    }
  }

  private async isOurs(): Promise<boolean> {
    const latest = await this.records.latest()
    return latest?.number === this.number && latest.record?.token === this.record.token && latest.record.held
  }

  private lose(how: Error): false {
    if (!this.released) {
      this.end()
      this.abort.abort(how)
    }
    return false
  }

  private end(): void {
    this.released = true
    clearInterval(this.timer)
    this.stopFreshening()
    process.off('exit', this.onExit)
  }

  private readonly onExit = (): void => {
    this.records.rewriteSync(this.number, { ...this.record, held: false })
  }
}
