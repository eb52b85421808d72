import type { FencingToken } from 'shipit-capistrano'
import type { ProcessIdentity } from './process-identity.js'

/** Who holds a lock, and why. */
export interface LockHolder {
  /** What the lock is for: `shop.production`. */
  readonly key: string
  readonly user: string
  readonly reason: string
  /** ISO 8601, UTC; for people. */
  readonly since: string
  /** Name of the machine. */
  readonly host: string
  /** Process id there. */
  readonly pid: number
  /** What tells its process from all others, as the request gave it. */
  readonly process?: ProcessIdentity | undefined
  /** True if it stays when its process ends: a freeze. */
  readonly lasting?: boolean | undefined
  /** ISO 8601, UTC: when a lasting lock ends by itself. */
  readonly until?: string | undefined
}

/** What is asked for. */
export interface LockRequest extends Pick<LockHolder, 'key' | 'user' | 'reason'> {
  /** Kept with the lock, for `isAlive`. */
  readonly process?: ProcessIdentity
  /** The lock stays when this process ends, until it is broken. @default false */
  readonly lasting?: boolean
  /** A lasting lock ends by itself then: ISO 8601, UTC. @default never */
  readonly until?: string
  /**
   * Whether a holder's process lives; undefined if that can't be told from here. The lock of one that does not is taken
   * over at once.
   * @default known of no process
   */
  readonly isAlive?: (holder: LockHolder) => Promise<boolean | undefined>
}

/** A lock that was taken. */
export interface HeldLock {
  /** Whose lock was taken over, because its process had died or it had run out; undefined if the lock was free. */
  readonly tookOverFrom: LockHolder | undefined
  /**
   * Aborted when the lock is lost while it is held. The reason is an error whose message says how, as half a sentence:
   * `bob broke it (it hangs)`.
   */
  readonly lost: AbortSignal
  /**
   * Rises with every taking of the lock, also when it was broken or ran out in between: servers refuse a lower number
   * than they have seen. Undefined if the provider can't promise that.
   */
  readonly fence?: FencingToken | undefined
  /**
   * Asks the store whether the lock is still this process's, and renews it. Waits while the store can't be asked, no
   * longer than the lock is certain.
   * @throws the reason of `lost`, if it is not
   */
  confirm(): Promise<void>
  /**
   * Gives the lock back. Never takes away what is somebody else's by now. Harmless a second time, and when it was lost.
   * @throws if the store can't be reached
   */
  release(): Promise<void>
}

/** Who breaks a lock, and why. */
export type LockBreaker = Pick<LockHolder, 'user' | 'reason'>

/**
 * Where locks are kept. Of any number of `acquire` at the same time for one key, one resolves at most, and nobody else's
 * resolves before its lock is released or broken, or its holder is dead, or has given up because it could not renew it.
 * `shipit-deploy-locker/testing` has the tests of that.
 */
export interface LockProvider {
  /** What keeps the locks, for people: `s3://deploys/shop`. Holds no secret. @default not told */
  readonly description?: string
  /** What is wrong with its options, a sentence each: told with the mistakes of all other settings. */
  readonly mistakes?: readonly string[]
  /**
   * @throws an error with `code: 'E_LOCK_HELD'` and `holder`, a {@link LockHolder}, at once if somebody has the lock;
   * a `DeployError` if locks can't be kept
   */
  acquire(request: LockRequest): Promise<HeldLock>
  /** Who has the lock, or undefined. One whose process has died may still be told. Changes nothing. @throws a `DeployError` */
  inspect(key: string): Promise<LockHolder | undefined>
  /** Takes the lock away from whoever has it, and says who that was. @throws a `DeployError` */
  break(key: string, breaker: LockBreaker): Promise<LockHolder | undefined>
  /** Proves that locks can be kept there. @throws a `DeployError` that says what to do */
  check?(): Promise<void>
}
