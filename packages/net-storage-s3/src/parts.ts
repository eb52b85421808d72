import { MEBIBYTE, type S3TransportOptions } from './settings.js'

/** S3's limit. */
const MOST_PARTS = 10_000

/** Bytes of memory for concurrent parts that are larger than configured. */
const MOST_IN_MEMORY = 128 * MEBIBYTE

/**
 * Part size and concurrency for an archive of up to `sizeHint` bytes in at most 10,000 parts. All parts have the same size, as
 * some storage requires.
 */
export function partsOf(
  { partSize = 8 * MEBIBYTE, queueSize = 4 }: Pick<S3TransportOptions, 'partSize' | 'queueSize'>,
  sizeHint = 0,
): { partSize: number; queueSize: number } {
  const needed = Math.ceil(sizeHint / MOST_PARTS / MEBIBYTE) * MEBIBYTE
  if (needed <= partSize) return { partSize, queueSize }
  return {
    partSize: needed,
    queueSize: Math.max(1, Math.min(queueSize, Math.floor(MOST_IN_MEMORY / needed))),
  }
}
