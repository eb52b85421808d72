import { optionMistakes } from 'shipit-net-storage'
import { z } from 'zod'
import type { BucketOptions } from '../bucket.js'
import { bucketShape } from '../settings.js'

/** Options of {@link S3LockStore}. */
export interface S3LockStoreOptions extends BucketOptions {
  readonly bucket: string
  /** Folder in the bucket; locks are in `locks/` there. @default the bucket itself */
  readonly prefix?: string
  /**
   * Seconds after which others may take over the lock of a deploy that was not heard of; at least 3. It is renewed four
   * times as often. Each deploy is judged by its own. @default 60
   */
  readonly lease?: number
}

const expected = { error: 'expected seconds, from 3 to 86400' }
const shape = { ...bucketShape, lease: z.number(expected).min(3, expected).max(86_400, expected).optional() }

/** Those of a transport that a lock in the same place takes, too. */
export function lockOptions(options: BucketOptions): S3LockStoreOptions {
  const shared = Object.entries(options).filter(([name]) => name in bucketShape)
  return Object.fromEntries(shared) as { bucket: string }
}

/** What is wrong with options, a sentence each. Their values are left out, as some are secret. */
export function lockMistakes(options: S3LockStoreOptions): string[] {
  return optionMistakes(z.strictObject(shape), options)
}
