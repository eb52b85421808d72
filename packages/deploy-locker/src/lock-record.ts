import type { ProcessIdentity } from './process-identity.js'

/** Who holds a lock, and why. */
export interface LockHolder {
  /** What is locked: `shop.production`. */
  readonly key: string
  readonly user: string
  readonly reason: string
  /** ISO 8601, UTC; for people. */
  readonly since: string
  /** Name of the machine. */
  readonly host: string
  /** Process id there. */
  readonly pid: number
  /** Distinguishes its process from all others. */
  readonly process?: ProcessIdentity | undefined
  /** True if the lock outlives its process: a freeze. */
  readonly lasting?: boolean | undefined
  /** ISO 8601, UTC: when a lasting lock ends by itself. */
  readonly until?: string | undefined
}

/** Who breaks a lock, and why. */
export type LockBreaker = Pick<LockHolder, 'user' | 'reason'>

/** What is stored of a lock. It stays when the lock is released, so that numbers rise. */
export interface LockRecord extends LockHolder {
  /** Numbers are compared within a scope: a store that was emptied starts a new one, at 1. */
  readonly scope: string
  /** Rises each time the lock is taken. */
  readonly number: number
  /** Unique to each time the lock is taken. */
  readonly token: string
  /** Seconds after which others may take it over if it was not renewed. */
  readonly lease: number
  /** False once it was released or broken. */
  readonly held: boolean
  readonly brokenBy?: LockBreaker | undefined
}

/** The holder of a lock whose record can't be read. */
export function unknownHolder(key: string): LockHolder {
  const since = new Date().toISOString()
  return { key, user: 'somebody unknown', reason: 'its details are missing', since, host: 'unknown', pid: 0 }
}

/** The part of a record that others may see. */
export function holderOf(record: LockRecord): LockHolder {
  const { key, user, reason, since, host, pid, process, lasting, until } = record
  return { key, user, reason, since, host, pid, process, lasting, until }
}

/** How a lock was lost, judged by the record that replaced its own. */
export function howLost(found: LockRecord | undefined): Error {
  if (!found) return new Error('its record is gone')
  const { brokenBy, user, reason, host } = found
  if (brokenBy) return new Error(`${brokenBy.user} broke it (${brokenBy.reason})`)
  return new Error(`${user} took it over from ${host} (${reason})`)
}
