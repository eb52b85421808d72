import { z } from 'zod'
import { hasShape, ownMistakes, seconds, text } from 'shipit-capistrano'
import type { LockStore } from './lock-store.js'

/** Settings under `deployLock`. */
export const settingsSchema = z
  .strictObject({
    /** The lock's name. Capistrano's `deploy_lock_key`. @default `<application>.<environment>` */
    key: text('a name').optional(),
    /** Folder for a file lock. Capistrano's `deploy_lock_dir`. */
    dir: text('a folder').optional(),
    /** Who you are, for others. Capistrano's `deploy_lock_user`. @default `$USER`, `$LOGNAME` or the login name */
    user: text('a name').optional(),
    /** Why you lock, for others. Capistrano's `deploy_lock_reason`. @default the command line */
    reason: text('a reason').optional(),
    /** Seconds to wait for the lock. @default 0 */
    wait: seconds().default(0),
    /** Where locks are stored. @default a file lock in `dir`; else the transport's storage, or a folder of the user */
    store: z
      .custom<LockStore>(isLockStore, {
        error: 'expected a LockStore, such as new FileLockStore({ dir })',
        abort: true,
      })
      .superRefine(ownMistakes)
      .optional(),
  })
  .prefault({})

/** Settings under `deployLock`, as a shipitfile has them. */
export type DeployLockSettings = NonNullable<z.input<typeof settingsSchema>>

/** Recognizes a store by its methods: its class may come from a second copy of this package. */
export function isLockStore(value: unknown): value is LockStore {
  return hasShape<LockStore>(value, { read: 'function', write: 'function' })
}

/** How this process was started: `shipit production deploy`. */
export function commandLine(): string {
  return ['shipit', ...process.argv.slice(2)].join(' ')
}
