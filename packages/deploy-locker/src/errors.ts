import { counted, DeployError } from 'shipit-capistrano'
import type { LockHolder } from './lock-record.js'

/** `E_LOCK_HELD`: somebody else has the lock. Nothing was done. */
export class LockHeldError extends DeployError {
  constructor(
    readonly holder: LockHolder,
    /** Shipit's environment, for the command that the message names. */
    environment = '<environment>',
  ) {
    super(
      'E_LOCK_HELD',
      `${describeHolder(holder)} Nothing was done. Wait for it to end: deployLock.wait does. Or, if you are sure that nothing runs there, take the lock away: BREAK_REASON='why' npx shipit ${environment} deploy:lock:break`,
    )
  }
}

/** `E_FROZEN`: deploys are frozen. Nothing was done. */
export class FrozenError extends DeployError {
  constructor(
    readonly holder: LockHolder,
    /** What to do, for the flow that was refused. */
    remedy: string,
  ) {
    super('E_FROZEN', `${describeFreeze(holder)} ${remedy}`)
  }
}

/** `E_LOCK_LOST`: the lock went away while it was held; somebody else may have it. */
export class LockLostError extends DeployError {
  constructor(key: string, cause?: unknown) {
    const how = cause instanceof Error && cause.message ? `: ${cause.message}` : ''
    super(
      'E_LOCK_LOST',
      `The lock '${key}' was lost while this deploy held it${how}. Another deploy may run now, so this one stops here. Deploy again when no other runs.`,
      { cause },
    )
  }
}

/** `E_LOCK`: locks can't be kept where they should be, or have no name. */
export class LockError extends DeployError {
  constructor(message: string, cause?: unknown) {
    super('E_LOCK', message, { cause })
  }
}

/** Whether an error says that somebody has the lock; a second copy of this package may have made it. */
export function isHeld(error: unknown): error is Error & { readonly holder: LockHolder } {
  const { code, holder } = (error ?? {}) as { code?: unknown; holder?: unknown }
  return code === 'E_LOCK_HELD' && typeof holder === 'object' && holder !== null
}

/** Who has a lock, why, since when, and from where, as a sentence. */
export function describeHolder({ key, user, reason, since, host, pid }: LockHolder): string {
  return `${key} is locked by ${user} (${reason}) since ${time(since)}, ${ago(since)}, from ${host}, process ${pid}.`
}

/** Who has frozen deploys, why, since when, and until when, as a sentence. */
export function describeFreeze({ user, reason, since, until, host }: LockHolder): string {
  const end = until ? ` until ${time(until)}` : ''
  return `Deploys are frozen by ${user} (${reason}) since ${time(since)}, ${ago(since)}, from ${host}${end}.`
}

function time(iso: string): string {
  return `${iso.slice(0, 19).replace('T', ' ')} UTC`
}

function ago(iso: string): string {
  const minutes = Math.max(0, Math.round((Date.now() - Date.parse(iso)) / 60_000))
  return minutes === 0 ? 'just now' : `${counted(minutes, 'minute')} ago`
}
