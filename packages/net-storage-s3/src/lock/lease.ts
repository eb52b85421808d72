import type { LockBreaker, LockHolder } from 'shipit-deploy-locker'

/** What a lock's object holds. It stays when the lock is given back, so that numbers rise. */
export interface Lease extends LockHolder {
  /** Which object's numbers these are: one that was deleted and made anew counts from 1 again. */
  readonly domain: string
  /** Rises each time that the lock is taken. */
  readonly number: number
  /** Different each time that the lock is taken. */
  readonly token: string
  /** Different in each write: no two contents, and so no two ETags, are the same. */
  readonly nonce: string
  /** Seconds after the last write from which others may take it over. */
  readonly lease: number
  /** False once it was given back or broken. */
  readonly held: boolean
  /** Who took it away by force. */
  readonly brokenBy?: LockBreaker | undefined
}

/** Reads an object's content; undefined if it is no lease. */
export function parseLease(text: string): Lease | undefined {
  try {
    const lease = JSON.parse(text) as Lease
    const { key, user, reason, host, domain, token, nonce } = lease
    const whole = [key, user, reason, host, domain, token, nonce].every((value) => typeof value === 'string')
    const numbers = Number.isSafeInteger(lease.number) && lease.lease > 0
    return whole && numbers && !Number.isNaN(Date.parse(lease.since)) ? lease : undefined
  } catch {
    return undefined
  }
}

/** The part that is for others. */
export function holderOf(lease: Lease): LockHolder {
  const { key, user, reason, since, host, pid, process, lasting, until } = lease
  return { key, user, reason, since, host, pid, process, lasting, until }
}

/** How a lock was lost, from what stands where it was. */
export function howLost(found: Lease | undefined): Error {
  if (!found) return new Error('its object is gone, or can not be read')
  const { brokenBy, user, reason, host } = found
  if (brokenBy) return new Error(`${brokenBy.user} broke it (${brokenBy.reason})`)
  return new Error(`${user} took it over from ${host} (${reason})`)
}
