import { hostname } from 'node:os'
import { setTimeout as pause } from 'node:timers/promises'
import type { FencingToken } from 'shipit-capistrano'
import { describeHolder, isHeld, LockHeldError, LockLostError } from './errors.js'
import type { LockEvents } from './events.js'
import type { HeldLock } from './held-lock.js'
import type { Lock, LockRequest } from './lock.js'
import type { LockHolder } from './lock-record.js'

/** Milliseconds between attempts to take a lock that somebody has. */
const RETRY_EVERY = 1000

/** Seconds between log lines while waiting. */
const LOG_EVERY = 15

/** Milliseconds for which a confirmation is trusted. */
const CERTAIN_FOR = 1000

/** What a {@link RunLock} needs from Shipit. */
export interface RunLockContext {
  readonly environment: () => string
  readonly log: (line: string) => void
  readonly emit: <E extends keyof LockEvents>(event: E, details: LockEvents[E]) => void
}

/** The lock of one run: taken once, and watched while it is held. */
export class RunLock {
  private held: { readonly lock: HeldLock; readonly key: string; confirmedAt: number } | undefined

  constructor(private readonly context: RunLockContext) {}

  /** Stays true when the lock is lost. */
  get isHeld(): boolean {
    return this.held !== undefined
  }

  get fencingToken(): FencingToken | undefined {
    return this.held?.lock.fencingToken
  }

  /**
   * Takes the lock, or waits for it.
   * @throws {LockHeldError} `E_LOCK_HELD`; what the signal was aborted with
   */
  async take(
    lock: Lock,
    request: Pick<LockHolder, 'key' | 'user' | 'reason'>,
    {
      wait,
      signal,
      guardsAgainst,
    }: {
      readonly wait: number
      readonly signal: AbortSignal
      /** Which deploys the lock keeps out, for the log. */
      readonly guardsAgainst?: string | undefined
    },
  ): Promise<void> {
    const { log, emit } = this.context
    const { key } = request
    const started = performance.now()
    const held = await this.wait(lock, request, { wait, signal })
    if (signal.aborted) {
      // Interrupted just now: the tasks that release the lock may already have run.
      await held.release()
      throw signal.reason
    }
    this.held = { lock: held, key, confirmedAt: performance.now() }
    held.lost.addEventListener('abort', () => emit('lock:lost', { key, error: lostError(key, held) }))
    const seconds = Math.round((performance.now() - started) / 1000)
    const { tookOverFrom } = held
    if (tookOverFrom) log(`Took over an abandoned lock: ${describeHolder(tookOverFrom)}`)
    log(`Locked ${key}${guardsAgainst ? `, against ${guardsAgainst}` : ''}.`)
    emit('lock:taken', { holder: holderFrom(request), seconds, tookOverFrom })
  }

  /** Makes sure, at the store, that this run still has the lock. @throws {LockLostError} `E_LOCK_LOST` if not */
  async confirm(): Promise<void> {
    if (!this.held) return
    const { lock, key } = this.held
    try {
      await lock.confirm()
      this.held.confirmedAt = performance.now()
    } catch (error) {
      throw lock.lost.aborted ? lostError(key, lock) : new LockLostError(key, error)
    }
  }

  /** Like {@link confirm}, but trusts a confirmation for a second. */
  async assure(): Promise<void> {
    if (!this.held) return
    const { lock, key, confirmedAt } = this.held
    if (lock.lost.aborted) throw lostError(key, lock)
    if (performance.now() - confirmedAt > CERTAIN_FOR) await this.confirm()
  }

  /** Releases the lock. A failure only logs a warning: the lock expires by itself. */
  async release(): Promise<void> {
    if (!this.held) return
    const { lock, key } = this.held
    const { log, emit } = this.context
    this.held = undefined
    const lost = lock.lost.aborted
    try {
      await lock.release()
    } catch (error) {
      log(`Warning: could not unlock ${key}; the lock expires by itself. ${String(error)}`)
      return
    }
    if (lost) return
    log(`Unlocked ${key}.`)
    emit('lock:released', { key })
  }

  private async wait(
    lock: Lock,
    request: LockRequest,
    { wait, signal }: { readonly wait: number; readonly signal: AbortSignal },
  ): Promise<HeldLock> {
    const { log, emit } = this.context
    const started = performance.now()
    const waited = (): number => Math.round((performance.now() - started) / 1000)
    let loggedAt: number | undefined
    try {
      for (;;) {
        try {
          return await lock.acquire(request)
        } catch (error) {
          if (!isHeld(error)) throw error
          const { holder } = error
          const left = wait * 1000 - (performance.now() - started)
          if (left <= 0) {
            emit('lock:refused', { holder })
            throw new LockHeldError(holder, this.context.environment())
          }
          if (loggedAt === undefined) {
            log(`${describeHolder(holder)} Waiting up to ${wait} s.`)
            emit('lock:waiting', { holder, wait })
            loggedAt = 0
          } else if (waited() - loggedAt >= LOG_EVERY) {
            loggedAt = waited()
            log(`${describeHolder(holder)} Waited ${loggedAt} of ${wait} s.`)
          }
          await pause(Math.min(RETRY_EVERY, left), undefined, { signal })
        }
      }
    } finally {
      if (loggedAt !== undefined) emit('lock:waited', { key: request.key, seconds: waited() })
    }
  }
}

/** This process as the holder of a lock. */
export function holderFrom<R extends Pick<LockHolder, 'key' | 'user' | 'reason'>>(
  request: R,
): R & LockHolder {
  return { ...request, since: new Date().toISOString(), host: hostname(), pid: process.pid }
}

function lostError(key: string, lock: HeldLock): LockLostError {
  return new LockLostError(key, lock.lost.reason)
}
