import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import type { HeldLock, LockHolder } from 'shipit-deploy-locker'
import { howLost, type Lease } from './lease.js'
import type { LockObject } from './lock-object.js'
import { Stopwatch } from './stopwatch.js'

/** A lock in S3 while this process has it. */
export class HeldS3Lock implements HeldLock {
  readonly tookOverFrom: LockHolder | undefined
  readonly fence: { readonly scope: string; readonly number: number }
  private readonly abort = new AbortController()
  private readonly whenLost = once(this.abort.signal, 'abort')
  private readonly object: LockObject
  private readonly lease: Lease
  private etag: string
  /** Since the last write that is known to have been taken began. */
  private certain: Stopwatch
  private renewing: Promise<void> | undefined
  private renewTimer: NodeJS.Timeout | undefined
  private endTimer: NodeJS.Timeout | undefined
  private ended = false

  constructor(details: {
    readonly object: LockObject
    readonly lease: Lease
    readonly etag: string
    /** From before it was written. */
    readonly since: Stopwatch
    readonly tookOverFrom: LockHolder | undefined
  }) {
    const { object, lease, etag, since, tookOverFrom } = details
    this.object = object
    this.lease = lease
    this.etag = etag
    this.certain = since
    this.tookOverFrom = tookOverFrom
    this.fence = { scope: lease.domain, number: lease.number }
    this.schedule()
  }

  get lost(): AbortSignal {
    return this.abort.signal
  }

  async confirm(): Promise<void> {
    this.lost.throwIfAborted()
    // A renewal that began before this moment says nothing of it.
    await Promise.race([this.renewing, this.whenLost])
    await Promise.race([this.renew(), this.whenLost])
    this.lost.throwIfAborted()
    if (this.ended) throw new Error('it was given back')
  }

  async release(): Promise<void> {
    if (this.ended && !this.lost.aborted) return
    this.end()
    await this.renewing
    for (;;) {
      const released = { ...this.lease, held: false, nonce: randomUUID() }
      if (await this.object.write(released, { ifEtag: this.etag })) return
      const found = await this.object.read()
      if (!found || !this.isOurs(found.lease)) return
      this.etag = found.etag
    }
  }

  /** Milliseconds for which a write makes certain: others wait longer, by the storage's clock. */
  private get validity(): number {
    return this.lease.lease * 1000 - Math.max(1000, this.lease.lease * 100)
  }

  private renew(): Promise<void> {
    return (this.renewing ??= this.tryToRenew().finally(() => {
      this.renewing = undefined
    }))
  }

  /** Renews the lease, or loses it. Never rejects. */
  private async tryToRenew(): Promise<void> {
    while (!this.ended) {
      const since = new Stopwatch()
      let failure: unknown
      try {
        const etag = await this.object.write({ ...this.lease, nonce: randomUUID() }, { ifEtag: this.etag }, 1)
        if (etag !== undefined) {
          this.etag = etag
          this.certain = since
          this.schedule()
          return
        }
        const found = await this.object.read()
        if (!found || !this.isOurs(found.lease)) {
          this.lose(howLost(found?.lease))
          return
        }
        // A write of this process that came late.
        this.etag = found.etag
      } catch (error) {
        failure = error
      }
      if (this.certain.elapsed >= this.validity) {
        this.lose(outOfReach(this.certain, failure))
        return
      }
      if (failure) await pause(Math.min(500, this.validity / 20))
    }
  }

  private schedule(): void {
    if (this.ended || this.lease.lasting) return
    this.clearTimers()
    this.renewTimer = setTimeout(() => void this.renew(), this.lease.lease * 250).unref()
    this.endTimer = setTimeout(() => this.timeIsUp(), this.validity - this.certain.elapsed).unref()
  }

  private timeIsUp(): void {
    const late = this.certain.elapsed - this.validity
    // The process was asleep, or busy. Nobody was asked meanwhile: storage tells whether the lock was taken over.
    if (late > 1000) void this.renew()
    else this.lose(outOfReach(this.certain))
  }

  private isOurs(found: Lease | undefined): boolean {
    return found?.token === this.lease.token && found.held
  }

  private lose(how: Error): void {
    if (this.ended) return
    this.end()
    this.abort.abort(how)
  }

  private end(): void {
    this.ended = true
    this.clearTimers()
  }

  private clearTimers(): void {
    clearTimeout(this.renewTimer)
    clearTimeout(this.endTimer)
  }
}

function outOfReach({ elapsed }: Stopwatch, cause?: unknown): Error {
  return new Error(`storage could not be asked for ${Math.round(elapsed / 1000)} seconds`, { cause })
}
