import { randomUUID } from 'node:crypto'
import { z } from 'zod'
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
  /** What tells its process from all others. */
  readonly process?: ProcessIdentity | undefined
  /** True if it stays when its process ends: a freeze. */
  readonly lasting?: boolean | undefined
  /** ISO 8601, UTC: when a lasting lock ends by itself. */
  readonly until?: string | undefined
}

/** Who breaks a lock, and why. */
export type LockBreaker = Pick<LockHolder, 'user' | 'reason'>

/** What is kept of a lock. It stays when the lock is released, so that numbers rise. */
export interface LockRecord extends LockHolder {
  /** Whose numbers these are: a store that was emptied counts from 1 again. */
  readonly scope: string
  /** Rises each time that the lock is taken. */
  readonly number: number
  /** Different each time that the lock is taken. */
  readonly token: string
  /** Seconds after which others may take it over if it was not renewed. */
  readonly lease: number
  /** False once it was released or broken. */
  readonly held: boolean
  /** Who took it away by force. */
  readonly brokenBy?: LockBreaker | undefined
}

const schema = z.looseObject({
  key: z.string(),
  user: z.string(),
  reason: z.string(),
  since: z.string().refine((time) => !Number.isNaN(Date.parse(time))),
  host: z.string(),
  scope: z.string(),
  number: z.int().min(1),
  token: z.string(),
  lease: z.number().positive(),
  held: z.boolean(),
})

/** A record as text, which differs from every other one: what became of a write whose answer is lost can be told by it. */
export function textOf(record: LockRecord): string {
  return JSON.stringify({ ...record, nonce: randomUUID() })
}

/** Reads a record; undefined if it is none. */
export function parseRecord(text: string): LockRecord | undefined {
  try {
    return schema.parse(JSON.parse(text)) as unknown as LockRecord
  } catch {
    return undefined
  }
}

/** What is known of a lock whose record can't be read. */
export function unknownHolder(key: string): LockHolder {
  const since = new Date().toISOString()
  return { key, user: 'somebody unknown', reason: 'its details are missing', since, host: 'unknown', pid: 0 }
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
