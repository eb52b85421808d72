import { DeployError } from 'shipit-capistrano'
import type { LockHolder } from './lock-provider.js'

/** `E_LOCK_HELD`: somebody else has the lock. Nothing was done. */
export class LockHeldError extends DeployError {
  constructor(
    readonly holder: LockHolder,
    /** What to do if nothing runs there any more. */
    remedy: string,
  ) {
    super(
      'E_LOCK_HELD',
      `${describeHolder(holder)} Nothing was done. Wait for it to end; or, if you are sure that nothing runs there, ${remedy}.`,
    )
  }
}

/** `E_LOCK_LOST`: the lock went away while it was held; somebody else may have it. */
export class LockLostError extends DeployError {
  constructor(key: string, cause?: unknown) {
    super(
      'E_LOCK_LOST',
      `The lock '${key}' was lost while this deploy held it; another deploy may run now. Stopped before publishing. Deploy again when no other runs.`,
      { cause },
    )
  }
}

/** `E_LOCK`: locks can't be kept where they should be. */
export class LockError extends DeployError {
  constructor(message: string, cause?: unknown) {
    super('E_LOCK', message, { cause })
  }
}

/** Who has a lock, why, since when, and from where, as a sentence. */
export function describeHolder({ key, user, reason, since, host, pid }: LockHolder): string {
  const minutes = Math.max(0, Math.round((Date.now() - Date.parse(since)) / 60_000))
  const ago = minutes === 0 ? 'just now' : `${minutes} minute${minutes === 1 ? '' : 's'} ago`
  const when = `${since.slice(0, 19).replace('T', ' ')} UTC`
  return `${key} is locked by ${user} (${reason}) since ${when}, ${ago}, from ${host}, process ${pid}.`
}
