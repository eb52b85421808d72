import { once } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import type { FencingToken } from 'shipit-capistrano'
import { howLost, parseRecord, textOf, type LockHolder, type LockRecord } from './lock-record.js'
import type { LockStore } from './lock-store.js'
import { Stopwatch } from './stopwatch.js'

/** A lock while this process has it. */
export class HeldLock {
  /** Whose lock was taken over, because its process had died or it had run out; undefined if the lock was free. */
  readonly tookOverFrom: LockHolder | undefined
  /** Rises with every taking of the lock: servers refuse a lower number than they have seen. */
  readonly fencingToken: FencingToken
  private readonly abort = new AbortController()
  private readonly whenLost = once(this.abort.signal, 'abort')
  private readonly store: LockStore
  private readonly record: LockRecord
  private version: string
  /** Since the last write that is known to have been taken began. */
  private certain: Stopwatch
  /** Why the last renewal failed. */
  private failure: unknown
  private renewing: Promise<void> | undefined
  private renewTimer: NodeJS.Timeout | undefined
  private endTimer: NodeJS.Timeout | undefined
  private readonly stopKeeping: () => void
  private ended = false
  private released = false

  constructor(details: {
    readonly store: LockStore
    readonly record: LockRecord
    readonly version: string
    /** From before it was written. */
    readonly since: Stopwatch
    readonly tookOverFrom: LockHolder | undefined
  }) {
    const { store, record, version, since, tookOverFrom } = details
    const { key, scope, number, lease, lasting } = record
    this.store = store
    this.record = record
    this.version = version
    this.certain = since
    this.tookOverFrom = tookOverFrom
    this.fencingToken = { scope, number }
    const keep = lasting ? undefined : store.keepYoung?.(key, version, lease * 250)
    this.stopKeeping = keep ?? (() => {})
    if (!lasting) process.on('exit', this.onExit)
    this.schedule()
  }

  /**
   * Aborted when the lock is lost while it is held. The reason is an error whose message says how, as half a sentence:
   * `bob broke it (it hangs)`.
   */
  get lost(): AbortSignal {
    return this.abort.signal
  }

  /**
   * Asks the store whether the lock is still this process's, and renews it. Waits while the store can't be asked, no longer
   * than the lock is certain.
   * @throws the reason of `lost`, if it is not
   */
  async confirm(): Promise<void> {
    this.lost.throwIfAborted()
    // A renewal that began before this moment says nothing of it.
    await Promise.race([this.renewing, this.whenLost])
    await Promise.race([this.renew(), this.whenLost])
    this.lost.throwIfAborted()
    if (this.ended) throw new Error('the lock was already released')
  }

  /**
   * Releases the lock. Never takes away what is somebody else's by now. Harmless a second time, and when it was lost.
   * @throws what the store rejects with
   */
  async release(): Promise<void> {
    if (this.released) return
    this.released = true
    this.end()
    await this.renewing
    const { store, record } = this
    for (;;) {
      try {
        if (await store.write(record.key, textOf({ ...record, held: false }), this.version)) return
      } catch (error) {
        if (!store.remove) throw error
        // A full disk has no room for a record, but room for none.
        await store.remove(record.key, this.version)
        return
      }
      const found = await store.read(record.key)
      if (!found || !this.isOurs(parseRecord(found.text))) return
      this.version = found.version
    }
  }

  /** Milliseconds for which a write makes certain: others wait longer, by the store's clock. */
  private get validity(): number {
    const { lease } = this.record
    return lease * 1000 - Math.max(lease * 100, Math.min(1000, lease * 250))
  }

  private renew(): Promise<void> {
    return (this.renewing ??= this.tryToRenew().finally(() => {
      this.renewing = undefined
    }))
  }

  /** Renews the lock, or loses it. Never rejects. */
  private async tryToRenew(): Promise<void> {
    const { store, record } = this
    while (!this.ended) {
      const since = new Stopwatch()
      try {
        const version = await store.renew(record.key, textOf(record), this.version)
        if (version !== undefined) {
          this.version = version
          this.certain = since
          this.failure = undefined
          this.schedule()
          return
        }
        const found = await store.read(record.key)
        const there = found && parseRecord(found.text)
        if (!found || !this.isOurs(there)) {
          this.lose(howLost(there))
          return
        }
        // A write of this process that came late.
        this.version = found.version
      } catch (error) {
        this.failure = error
      }
      if (this.certain.elapsed >= this.validity) {
        this.lose(this.outOfReach())
        return
      }
      if (this.failure) await pause(Math.min(500, this.validity / 20))
    }
  }

  private schedule(): void {
    if (this.ended || this.record.lasting) return
    this.clearTimers()
    const every = Math.min(this.store.renewEvery ?? Infinity, this.record.lease * 250)
    this.renewTimer = setTimeout(() => void this.renew(), every).unref()
    this.endTimer = setTimeout(() => this.timeIsUp(), this.validity - this.certain.elapsed).unref()
  }

  private timeIsUp(): void {
    const late = this.certain.elapsed - this.validity
    // The process was asleep, or busy. Nobody was asked meanwhile: the store knows whether the lock was taken over.
    if (late > 1000) void this.renew()
    else this.lose(this.outOfReach())
  }

  private outOfReach(): Error {
    const { failure: cause } = this
    const why = cause instanceof Error ? ` (${cause.message})` : ''
    const seconds = Math.round(this.certain.elapsed / 1000)
    return new Error(`its store could not be reached for ${seconds} seconds${why}`, { cause })
  }

  private isOurs(found: LockRecord | undefined): boolean {
    return found?.token === this.record.token && found.held
  }

  private lose(how: Error): void {
    if (this.ended) return
    this.end()
    this.abort.abort(how)
  }

  private end(): void {
    this.ended = true
    this.clearTimers()
    this.stopKeeping()
    process.off('exit', this.onExit)
  }

  private clearTimers(): void {
    clearTimeout(this.renewTimer)
    clearTimeout(this.endTimer)
  }

  private readonly onExit = (): void => {
    this.store.writeSync?.(this.record.key, textOf({ ...this.record, held: false }), this.version)
  }
}
