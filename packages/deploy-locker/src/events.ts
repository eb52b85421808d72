import type { LockBreaker, LockHolder } from './lock-record.js'

/** Events on `shipit`, for notifications: `shipit.on('lock:taken', ({ holder }) => …)`. */
export interface LockEvents {
  /** This run took the lock, after it waited for `seconds`; `tookOverFrom` left it behind. */
  'lock:taken': {
    readonly holder: LockHolder
    readonly seconds: number
    readonly tookOverFrom: LockHolder | undefined
  }
  /** This run starts to wait, for up to `wait` seconds, for the lock that `holder` has. */
  'lock:waiting': { readonly holder: LockHolder; readonly wait: number }
  /** This run waited for `seconds`, and has the lock now or has stopped waiting. */
  'lock:waited': { readonly key: string; readonly seconds: number }
  /** This run was refused: `holder` has the lock, or has frozen deploys (`holder.lasting`). */
  'lock:refused': { readonly holder: LockHolder }
  /** This run lost the lock. */
  'lock:lost': { readonly key: string; readonly error: Error }
  /** This run broke the lock of `holder`. */
  'lock:broken': { readonly holder: LockHolder; readonly by: LockBreaker }
  /** This run released the lock. */
  'lock:released': { readonly key: string }
  /** This run froze deploys. */
  'lock:frozen': { readonly holder: LockHolder }
  /** This run ended the freeze of `holder`. */
  'lock:unfrozen': { readonly holder: LockHolder }
}
