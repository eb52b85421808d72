import { once } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import type { FencingToken } from 'shipit-capistrano'
import { howLost, type LockHolder, type LockRecord } from './lock-record.js'
import type { LockRecords } from './lock-records.js'
import { Stopwatch } from './stopwatch.js'

/** What {@link HeldLock} starts from. */
interface Acquired {
  readonly records: LockRecords
  readonly record: LockRecord
  readonly version: string
  /** Started before the record was written. */
  readonly since: Stopwatch
  readonly tookOverFrom: LockHolder | undefined
}

/** A lock while this process holds it: renewed until it is released or lost. */
export class HeldLock {
  /** Whose lock was taken over, because their process died or their lease ran out; undefined if the lock was free. */
  readonly tookOverFrom: LockHolder | undefined
  /** Rises each time the lock is taken: servers refuse a lower number than they have seen. */
  readonly fencingToken: FencingToken
  private readonly records: LockRecords
  private readonly record: LockRecord
  private version: string
  /** Runs since the last successful write began. */
  private certain: Stopwatch
  /** Milliseconds after a write for which nobody else can take the lock: others wait longer, by the store's clock. */
  private readonly validity: number
  private readonly loss = new AbortController()
  private readonly whenLost = once(this.loss.signal, 'abort')
  private readonly stopKeeping: (() => void) | undefined
  private renewing: Promise<void> | undefined
  private timers: NodeJS.Timeout[] = []
  /** Why the last renewal failed. */
  private failure: unknown
  private ended = false
  private released = false

  constructor({ records, record, version, since, tookOverFrom }: Acquired) {
    this.tookOverFrom = tookOverFrom
    this.fencingToken = { scope: record.scope, number: record.number }
    this.records = records
    this.record = record
    this.version = version
    this.certain = since
    const lease = record.lease * 1000
    this.validity = lease - Math.max(lease / 10, Math.min(1000, lease / 4))
    if (record.lasting) return
    this.stopKeeping = records.store.keepYoung?.(record.key, version, lease / 4)
    process.on('exit', this.onExit)
    this.schedule()
  }

  /** Aborted when the lock is lost. The reason is an error whose message is half a sentence: `bob broke it (it hangs)`. */
  get lost(): AbortSignal {
    return this.loss.signal
  }

  /**
   * Renews the lock, and so makes sure that this process has it. Tries again while the store can't be reached, for as long as
   * the last write makes certain of the lock.
   * @throws the reason of `lost`
   */
  async confirm(): Promise<void> {
    this.lost.throwIfAborted()
    // A renewal that began earlier proves nothing about now.
    await Promise.race([this.renewing, this.whenLost])
    await Promise.race([this.renew(), this.whenLost])
    this.lost.throwIfAborted()
    if (this.ended) throw new Error('the lock was already released')
  }

  /**
   * Releases the lock, unless somebody else has it by now. Harmless when called again, and after a loss.
   * @throws the store's error
   */
  async release(): Promise<void> {
    if (this.released) return
    this.released = true
    this.end()
    await this.renewing
    const { store } = this.records
    try {
      await this.update((version) => this.records.write({ ...this.record, held: false }, version))
    } catch (error) {
      if (!store.remove) throw error
      await store.remove(this.record.key, this.version)
    }
  }

  private renew(): Promise<void> {
    return (this.renewing ??= this.tryToRenew().finally(() => {
      this.renewing = undefined
    }))
  }

  /** Renews the lock, or loses it. Never rejects. */
  private async tryToRenew(): Promise<void> {
    const { records, record, validity } = this
    while (!this.ended) {
      const since = new Stopwatch()
      try {
        const loss = await this.update((version) => records.renew(record, version))
        if (loss) return this.lose(loss)
        this.certain = since
        this.failure = undefined
        return this.schedule()
      } catch (error) {
        this.failure = error
      }
      if (this.certain.elapsed >= validity) return this.lose(this.outOfReach())
      await pause(Math.min(500, validity / 20))
    }
  }

  /** Replaces this lock's state. @returns how the lock was lost, if it was */
  private async update(write: (version: string) => Promise<string | undefined>): Promise<Error | undefined> {
    do {
      const written = await write(this.version)
      if (written !== undefined) {
        this.version = written
        return undefined
      }
      const found = await this.records.read()
      if (found?.record?.token !== this.record.token || !found.record.held) return howLost(found?.record)
      // A write of ours arrived late: it is the state to replace.
      this.version = found.version
    } while (!this.lost.aborted)
    return this.lost.reason as Error
  }

  private schedule(): void {
    if (this.ended) return
    this.timers.forEach(clearTimeout)
    const every = Math.min(this.records.store.renewEvery ?? Infinity, this.record.lease * 250)
    this.timers = [
      setTimeout(() => void this.renew(), every).unref(),
      setTimeout(() => this.timeIsUp(), this.validity - this.certain.elapsed).unref(),
    ]
  }

  private timeIsUp(): void {
    const late = this.certain.elapsed - this.validity
    // Late: this process was suspended or busy, and has not tried to renew. Only the store knows whether somebody took it over.
    if (late > Math.min(1000, this.record.lease * 100)) void this.renew()
    else this.lose(this.outOfReach())
  }

  private outOfReach(): Error {
    const { failure: cause } = this
    const why = cause instanceof Error ? ` (${cause.message})` : ''
    const seconds = Math.round(this.certain.elapsed / 1000)
    return new Error(`its store could not be reached for ${seconds} seconds${why}`, { cause })
  }

  private lose(how: Error): void {
    if (this.ended) return
    this.end()
    this.loss.abort(how)
  }

  private end(): void {
    this.ended = true
    this.timers.forEach(clearTimeout)
    this.stopKeeping?.()
    process.off('exit', this.onExit)
  }

  private readonly onExit = (): void => this.records.writeSync({ ...this.record, held: false }, this.version)
}
