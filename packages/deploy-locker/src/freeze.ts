import type { Lock } from './lock.js'
import type { LockHolder } from './lock-record.js'
import { DAY } from 'shipit-capistrano'
import { FrozenError, isHeld, LockError } from './errors.js'
import { holderFrom } from './run-lock.js'

/** A freeze is a lock of its own that stays when its process ends: it can begin while a deploy runs. */
const freezeKey = (key: string): string => `${key}:freeze`

/** Who has frozen deploys of `key`, or undefined. */
export function findFreeze(lock: Lock, key: string): Promise<LockHolder | undefined> {
  return lock.inspect(freezeKey(key))
}

/**
 * Freezes deploys of `key`.
 * @param until when it ends by itself, as the user wrote it
 * @throws {FrozenError} `E_FROZEN` if they are frozen; {@link LockError} `E_LOCK` if `until` is no time to come
 */
export async function freeze(
  lock: Lock,
  {
    key,
    user,
    reason,
    until,
  }: Pick<LockHolder, 'key' | 'user' | 'reason'> & { readonly until: string | undefined },
): Promise<LockHolder> {
  const request = {
    key: freezeKey(key),
    user,
    reason,
    lasting: true,
    ...(until === undefined ? {} : { until: timeToCome(until) }),
  }
  try {
    await lock.acquire(request)
  } catch (error) {
    if (isHeld(error))
      throw new FrozenError(error.holder, "Nothing was changed; 'deploy:unfreeze' ends that.")
    throw error
  }
  return holderFrom(request)
}

/** Ends a freeze, and says whose it was; undefined if there was none. */
export async function unfreeze(
  lock: Lock,
  { key, user, reason }: Pick<LockHolder, 'key' | 'user' | 'reason'>,
): Promise<LockHolder | undefined> {
  return lock.break(freezeKey(key), { user, reason })
}

function timeToCome(text: string): string {
  const time = Date.parse(text)
  if (Number.isNaN(time) || time <= Date.now()) {
    throw new LockError(
      `FREEZE_UNTIL: expected a time to come, such as '${new Date(Date.now() + DAY).toISOString().slice(0, 16)}Z'; got '${text}'. Nothing was frozen.`,
    )
  }
  return new Date(time).toISOString()
}
