import type { LockBreaker, LockHolder } from './lock-record.js'

/** What is emitted on `shipit`, for notifications: `shipit.on('lock:taken', ({ holder }) => …)`. */
export interface LockEvents {
  /** This run has the lock. `seconds` is what it waited, `tookOverFrom` whose left-behind lock it was. */
  'lock:taken': {
    readonly holder: LockHolder
    readonly seconds: number
    readonly tookOverFrom: LockHolder | undefined
  }
  /** This run begins to wait, up to `wait` seconds, for what `holder` has. */
  'lock:waiting': { readonly holder: LockHolder; readonly wait: number }
  /** This run waited `seconds`, and has the lock now or stops waiting. */
  'lock:waited': { readonly key: string; readonly seconds: number }
  /** This run may not go on, as `holder` has the lock, or has frozen deploys (`holder.lasting`). */
  'lock:refused': { readonly holder: LockHolder }
  /** The lock went away while this run had it. */
  'lock:lost': { readonly key: string; readonly error: Error }
  /** This run took the lock away from `holder`. */
  'lock:broken': { readonly holder: LockHolder; readonly by: LockBreaker }
  /** This run released the lock. */
  'lock:released': { readonly key: string }
  /** This run froze deploys. */
  'lock:frozen': { readonly holder: LockHolder }
  /** This run ended what `holder` froze. */
  'lock:unfrozen': { readonly holder: LockHolder }
}
