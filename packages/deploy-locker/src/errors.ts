import { counted, DeployError } from 'shipit-capistrano'
import type { LockHolder } from './lock-record.js'

/** `E_LOCK_HELD`: somebody else has the lock. Nothing was changed. */
export class LockHeldError extends DeployError {
  constructor(
    readonly holder: LockHolder,
    /** Shipit's environment, for the command in the message. */
    environment = '<environment>',
  ) {
    super(
      'E_LOCK_HELD',
      `${describeHolder(holder)} Nothing was changed. Try again when it has finished, or set deployLock.wait. If you are sure that it is not running any more, break the lock: BREAK_REASON='why' npx shipit ${environment} deploy:lock:break`,
    )
  }
}

/** `E_FROZEN`: deploys are frozen. */
export class FrozenError extends DeployError {
  constructor(
    readonly holder: LockHolder,
    /** What to do, in the flow that was refused. */
    remedy: string,
  ) {
    super('E_FROZEN', `${describeFreeze(holder)} ${remedy}`)
  }
}

/** `E_LOCK_LOST`: this run lost the lock; somebody else may have it. */
export class LockLostError extends DeployError {
  constructor(key: string, cause?: unknown) {
    const how = cause instanceof Error && cause.message ? `: ${cause.message}` : ''
    super(
      'E_LOCK_LOST',
      `This deploy lost the lock '${key}'${how}. Another deploy may be running, so this one stops. Deploy again when no other is running.`,
      { cause },
    )
  }
}

/** `E_LOCK`: the lock can't be stored, or has no name; a reason or a time is missing. */
export class LockError extends DeployError {
  constructor(message: string, cause?: unknown) {
    super('E_LOCK', message, { cause })
  }
}

/** Whether an error is a {@link LockHeldError}, also of a second copy of this package. */
export function isHeld(error: unknown): error is Error & { readonly holder: LockHolder } {
  const { code, holder } = (error ?? {}) as { code?: unknown; holder?: unknown }
  return code === 'E_LOCK_HELD' && typeof holder === 'object' && holder !== null
}

/** `shop.production is locked by alice (shipit production deploy) since …, from build1, process 4711.` */
export function describeHolder({ key, user, reason, since, host, pid }: LockHolder): string {
  return `${key} is locked by ${user} (${reason}) since ${time(since)}, ${ago(since)}, from ${host}, process ${pid}.`
}

/** `Deploys are frozen by alice (inventory) since …, from build1 until ….` */
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
