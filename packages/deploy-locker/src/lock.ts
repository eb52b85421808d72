import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { LockHeldError } from './errors.js'
import { HeldLock } from './held-lock.js'
import {
  holderOf,
  parseRecord,
  textOf,
  unknownHolder,
  type LockBreaker,
  type LockHolder,
  type LockRecord,
} from './lock-record.js'
import type { LockStore, StoredLock } from './lock-store.js'
import { isAlive as processIsAlive, ownIdentity, type ProcessIdentity } from './process-identity.js'
import { Stopwatch } from './stopwatch.js'

/** Seconds. */
const DEFAULT_LEASE = 60

/** What is asked for. */
export interface LockRequest extends Pick<LockHolder, 'key' | 'user' | 'reason'> {
  /** The process that has the lock. @default this one */
  readonly process?: ProcessIdentity
  /** The lock stays when this process ends, until it is broken. @default false */
  readonly lasting?: boolean
  /** A lasting lock ends by itself then: ISO 8601, UTC. @default never */
  readonly until?: string
  /** Whether a holder's process lives; undefined if that can't be known from here. @default by its identity */
  readonly isAlive?: (holder: LockHolder) => Promise<boolean | undefined>
}

/** What was found in the store. */
interface Found {
  readonly stored: StoredLock | undefined
  readonly record: LockRecord | undefined
  readonly held: boolean
  /** Who has it, or has left it behind. */
  readonly holder?: LockHolder
}

/**
 * One holder at a time, over whatever keeps it. Each taking has a number, one more than the last one's, that servers compare;
 * whoever was held up finds that the state it wanted to write upon is not the last one any more. A lock whose process has died
 * on this machine is taken over at once; another one when it was not renewed for its lease, by the store's own clock.
 */
export class Lock {
  constructor(readonly store: LockStore) {}

  /** @throws {LockHeldError} `E_LOCK_HELD`, at once, if somebody has the lock; what the store rejects with */
  async acquire(request: LockRequest): Promise<HeldLock> {
    const { store } = this
    const { key } = request
    const identity = request.process ?? (await ownIdentity())
    for (;;) {
      const { stored, record: before, held, holder } = await this.find(key, request.isAlive)
      if (held && holder) throw new LockHeldError(holder)
      const since = new Stopwatch()
      const record = this.nextRecord({ ...request, process: identity }, before)
      const version = await store.write(key, textOf(record), stored?.version)
      if (version !== undefined) return new HeldLock({ store, record, version, since, tookOverFrom: holder })
    }
  }

  /** Who has the lock, or undefined. Changes nothing. */
  async inspect(key: string): Promise<LockHolder | undefined> {
    const { held, holder } = await this.find(key)
    return held ? holder : undefined
  }

  /** Takes the lock away from whoever has it, and says who that was. */
  async break(key: string, brokenBy: LockBreaker): Promise<LockHolder | undefined> {
    for (;;) {
      const { stored, record, held, holder } = await this.find(key)
      if (!held || !holder) return undefined
      const broken = { ...(record ?? this.nextRecord(holder, undefined)), held: false, brokenBy }
      if ((await this.store.write(key, textOf(broken), stored?.version)) !== undefined) return holder
    }
  }

  private async find(key: string, isAlive = holderIsAlive): Promise<Found> {
    const stored = await this.store.read(key)
    const record = stored && parseRecord(stored.text)
    if (!stored || record?.held === false) return { stored, record, held: false }
    const holder = record ? holderOf(record) : unknownHolder(key)
    if (record?.lasting) {
      const ended = record.until !== undefined && stored.now >= Date.parse(record.until)
      return { stored, record, held: !ended, holder }
    }
    const isRenewed = stored.age < (record?.lease ?? DEFAULT_LEASE) * 1000
    const held = isRenewed && !(record && (await isAlive(holder)) === false)
    return { stored, record, held, holder }
  }

  private nextRecord(
    { key, user, reason, process: identity, lasting, until }: Omit<LockHolder, 'since' | 'host' | 'pid'>,
    before: LockRecord | undefined,
  ): LockRecord {
    return {
      key,
      user,
      reason,
      since: new Date().toISOString(),
      host: hostname(),
      pid: process.pid,
      process: identity,
      lasting,
      until,
      scope: before?.scope ?? randomUUID(),
      number: (before?.number ?? 0) + 1,
      token: randomUUID(),
      lease: this.store.lease ?? DEFAULT_LEASE,
      held: true,
    }
  }
}

async function holderIsAlive({ process: identity }: LockHolder): Promise<boolean | undefined> {
  return identity && processIsAlive(identity)
}
