import { z } from 'zod'
import type { LockProvider } from './lock-provider.js'

const text = (words: string) =>
  z.string({ error: `expected ${words}` }).min(1, { error: `expected ${words}` })

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
    wait: z.number({ error: 'expected seconds' }).min(0, { error: 'expected seconds' }).default(0),
    /** Where locks are kept; else a file lock in `dir`; else what the transport offers, or a folder of the user's. */
    provider: z
      .custom<LockProvider>(isLockProvider, {
        error: 'expected a LockProvider, such as new FileLock({ dir })',
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

/** A provider is known by its methods: a second copy of this package may have made it. */
export function isLockProvider(value: unknown): value is LockProvider {
  return ['acquire', 'inspect', 'break'].every(
    (method) => typeof (value as Record<string, unknown> | null)?.[method] === 'function',
  )
}

/** How this process was started: `shipit production deploy`. */
export function commandLine(): string {
  return ['shipit', ...process.argv.slice(2)].join(' ')
}
