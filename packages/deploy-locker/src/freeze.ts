import type { Lock } from './lock.js'
import type { LockHolder } from './lock-record.js'
import { DAY } from 'shipit-capistrano'
import { FrozenError, isHeld, LockError } from './errors.js'
import { holderFrom } from './run-lock.js'

/** A freeze is a separate lock that outlives its process: it can start while a deploy runs. */
const freezeKey = (key: string): string => `${key}:freeze`

/** Who has frozen deploys of `key`, or undefined. */
export function findFreeze(lock: Lock, key: string): Promise<LockHolder | undefined> {
  return lock.inspect(freezeKey(key))
}

/**
 * Freezes deploys of `key`.
 * @param until when it ends by itself, as the user typed it
 * @throws {FrozenError} `E_FROZEN` if they already are; {@link LockError} `E_LOCK` if `until` is not a time in the future
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
    ...(until === undefined ? {} : { until: futureTime(until) }),
  }
  try {
    await lock.acquire(request)
  } catch (error) {
    if (isHeld(error))
      throw new FrozenError(error.holder, "Nothing was changed. 'deploy:unfreeze' ends the freeze.")
    throw error
  }
  return holderFrom(request)
}

/** Ends a freeze, and returns whose it was; undefined if there was none. */
export async function unfreeze(
  lock: Lock,
  { key, user, reason }: Pick<LockHolder, 'key' | 'user' | 'reason'>,
): Promise<LockHolder | undefined> {
  return lock.break(freezeKey(key), { user, reason })
}

function futureTime(text: string): string {
  const time = Date.parse(text)
  if (Number.isNaN(time) || time <= Date.now()) {
    throw new LockError(
      `FREEZE_UNTIL: expected a time in the future, such as '${new Date(Date.now() + DAY).toISOString().slice(0, 16)}Z'; got '${text}'. Nothing was frozen.`,
    )
  }
  return new Date(time).toISOString()
}
