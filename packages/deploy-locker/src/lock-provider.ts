/** Who holds a lock, and why. */
export interface LockHolder {
  /** What the lock is for: `shop.production`. */
  readonly key: string
  readonly user: string
  readonly reason: string
  /** ISO 8601, UTC. */
  readonly since: string
  /** Name of the machine. */
  readonly host: string
  /** Process id there. */
  readonly pid: number
}

/** What is asked for. */
export type LockRequest = Pick<LockHolder, 'key' | 'user' | 'reason'>

/** A lock that was taken. */
export interface HeldLock {
  /** Whose lock was taken over, because its process had died; undefined if the lock was free. */
  readonly tookOverFrom: LockHolder | undefined
  /** Aborted, with a `LockLostError` as its reason, when the lock is lost while it is held. */
  readonly lost: AbortSignal
  /** Gives the lock back. Never takes away what is somebody else's by now. Harmless a second time. */
  release(): Promise<void>
}

/**
 * Where locks are kept. Of any number of `acquire` at the same time for one key, one resolves at most, and nobody else's
 * resolves before its lock is released, or its holder is dead.
 */
export interface LockProvider {
  /** @throws {LockHeldError} `E_LOCK_HELD` at once, if somebody has the lock; {@link LockError} `E_LOCK` if locks can't be kept */
  acquire(request: LockRequest): Promise<HeldLock>
  /** Who has the lock, or undefined. @throws {LockError} `E_LOCK` */
  inspect(key: string): Promise<LockHolder | undefined>
}
