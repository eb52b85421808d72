import type { LockBreaker, LockHolder } from './lock-provider.js'

/** What a lock's file holds. */
export interface LockRecord extends LockHolder {
  /** Whose folder's numbers these are: a folder that is made anew counts from 1 again. */
  readonly domain: string
  /** Different each time that the lock is taken. */
  readonly token: string
  /** False once it was given back or broken. */
  readonly held: boolean
  /** Who took it away by force. */
  readonly brokenBy?: LockBreaker | undefined
}

/** Reads a record; undefined if it is none. */
export function parseRecord(text: string): LockRecord | undefined {
  try {
    const record = JSON.parse(text) as LockRecord
    const texts = [record.key, record.user, record.reason, record.host, record.domain, record.token]
    return texts.every((value) => typeof value === 'string') && !Number.isNaN(Date.parse(record.since))
      ? record
      : undefined
  } catch {
    return undefined
  }
}

/** What is told of a lock whose record can't be read. */
export function unknownHolder(key: string): LockHolder {
  return {
    key,
    user: 'somebody unknown',
    reason: 'its details are missing',
    since: new Date().toISOString(),
    host: 'unknown',
    pid: 0,
  }
}

/** The part that is for others. */
export function holderOf(record: LockRecord): LockHolder {
  const { key, user, reason, since, host, pid, process, lasting, until } = record
  return { key, user, reason, since, host, pid, process, lasting, until }
}

/** How a lock was lost, from what stands where its record was. */
export function howLost(found: LockRecord | undefined): Error {
  if (!found) return new Error('its record is gone')
  const { brokenBy, user, reason, host } = found
  if (brokenBy) return new Error(`${brokenBy.user} broke it (${brokenBy.reason})`)
  return new Error(`${user} took it over from ${host} (${reason})`)
}
