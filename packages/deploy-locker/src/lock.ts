import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { LockHeldError } from './errors.js'
import { HeldLock } from './held-lock.js'
import { holderOf, unknownHolder, type LockBreaker, type LockHolder, type LockRecord } from './lock-record.js'
import { LockRecords, type FoundLock } from './lock-records.js'
import type { LockStore } from './lock-store.js'
import { isAlive as processIsAlive, ownIdentity, type ProcessIdentity } from './process-identity.js'
import { Stopwatch } from './stopwatch.js'

/** Seconds. */
const DEFAULT_LEASE = 60

/** A request for a lock. */
export interface LockRequest extends Pick<LockHolder, 'key' | 'user' | 'reason'> {
  /** The process that holds the lock. @default this one */
  readonly process?: ProcessIdentity
  /** The lock outlives this process, until it is broken. @default false */
  readonly lasting?: boolean
  /** When a lasting lock ends by itself: ISO 8601, UTC. @default never */
  readonly until?: string
  /** Whether a holder's process is alive; undefined if that can't be known from here. @default by its identity */
  readonly isAlive?: (holder: LockHolder) => Promise<boolean | undefined>
}

/** The state of a lock; at most one of `holder` and `leftBy` is there. */
interface LockState {
  readonly found: FoundLock | undefined
  readonly holder?: LockHolder
  /** Who left it behind: their process died, or their lease ran out. */
  readonly leftBy?: LockHolder
}

/**
 * One holder at a time, over any store. Each holder gets the next number, which servers compare; whoever was held up finds that
 * the state it wanted to replace is no longer the current one. A lock whose process died on this machine is taken over at
 * once; any other when it was not renewed for its lease, by the store's own clock.
 */
export class Lock {
  constructor(readonly store: LockStore) {}

  /** @throws {LockHeldError} `E_LOCK_HELD`, at once, if somebody has the lock; the store's error */
  async acquire(request: LockRequest): Promise<HeldLock> {
    const records = new LockRecords(this.store, request.key)
    const { isAlive, ...asked } = { process: await ownIdentity(), ...request }
    for (;;) {
      const { found, holder, leftBy } = await look(records, isAlive)
      if (holder) throw new LockHeldError(holder)
      const since = new Stopwatch()
      const record = this.nextRecord(asked, found?.record)
      const version = await records.write(record, found?.version)
      if (version !== undefined)
        return new HeldLock({ records, record, version, since, tookOverFrom: leftBy })
    }
  }

  /** Who has the lock, or undefined. Changes nothing. */
  async inspect(key: string): Promise<LockHolder | undefined> {
    return (await look(new LockRecords(this.store, key))).holder
  }

  /** Takes the lock away from its holder, and returns who that was. */
  async break(key: string, brokenBy: LockBreaker): Promise<LockHolder | undefined> {
    const records = new LockRecords(this.store, key)
    for (;;) {
      const { found, holder } = await look(records)
      if (!holder) return undefined
      const broken = { ...(found?.record ?? this.nextRecord(holder)), held: false, brokenBy }
      if ((await records.write(broken, found?.version)) !== undefined) return holder
    }
  }

  private nextRecord(holder: Omit<LockHolder, 'since' | 'host' | 'pid'>, before?: LockRecord): LockRecord {
    return {
      ...holder,
      since: new Date().toISOString(),
      host: hostname(),
      pid: process.pid,
      scope: before?.scope ?? randomUUID(),
      number: (before?.number ?? 0) + 1,
      token: randomUUID(),
      lease: this.store.lease ?? DEFAULT_LEASE,
      held: true,
    }
  }
}

async function look(records: LockRecords, isAlive = holderIsAlive): Promise<LockState> {
  const found = await records.read()
  const record = found?.record
  if (!found || record?.held === false) return { found }
  const holder = record ? holderOf(record) : unknownHolder(records.key)
  if (record?.lasting) {
    const hasEnded = record.until !== undefined && found.now >= Date.parse(record.until)
    return hasEnded ? { found, leftBy: holder } : { found, holder }
  }
  const isRenewed = found.age < (record?.lease ?? DEFAULT_LEASE) * 1000
  const isHeld = isRenewed && !(record && (await isAlive(holder)) === false)
  return isHeld ? { found, holder } : { found, leftBy: holder }
}

async function holderIsAlive({ process: identity }: LockHolder): Promise<boolean | undefined> {
  return identity && processIsAlive(identity)
}
