import { z } from 'zod'
import { hasShape, seconds, text } from 'shipit-capistrano'
import type { LockStore } from './lock-store.js'

/** Settings under `deployLock`. */
export const settingsSchema = z
  .strictObject({
    /** What is locked; `<application>.<environment>` unless set. Capistrano's `deploy_lock_key`. */
    key: text('a name').optional(),
    /** Folder of a file lock. Capistrano's `deploy_lock_dir`. */
    dir: text('a folder').optional(),
    /** Who is shown to others; `$USER`, `$LOGNAME` or the login name unless set. Capistrano's `deploy_lock_user`. */
    user: text('a name').optional(),
    /** Why, shown to others; the command line unless set. Capistrano's `deploy_lock_reason`. */
    reason: text('a reason').optional(),
    /** Seconds to wait for the lock. */
    wait: seconds().default(0),
    /** Where locks are kept; else a file lock in `dir`; else what the transport offers, or a folder of the user's. */
    store: z
      .custom<LockStore>(isLockStore, {
        error: 'expected a LockStore, such as new FileLockStore({ dir })',
        abort: true,
      })
      .superRefine(({ mistakes = [] }, context) => {
        for (const message of mistakes)
          context.addIssue({ code: 'custom', message, params: { hideValue: true } })
      })
      .optional(),
  })
  .prefault({})

/** What a user may write under `deployLock`. */
export type DeployLockSettings = NonNullable<z.input<typeof settingsSchema>>

/** A store is known by its methods: a second copy of this package may have made it. */
export function isLockStore(value: unknown): value is LockStore {
  return hasShape<LockStore>(value, { read: 'function', write: 'function' })
}

/** How this process was started: `shipit production deploy`. */
export function commandLine(): string {
  return ['shipit', ...process.argv.slice(2)].join(' ')
}
