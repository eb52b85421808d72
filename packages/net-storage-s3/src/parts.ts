import type { S3TransportOptions } from './settings.js'

const MEBIBYTE = 1 << 20

/** S3 takes no more. */
const MOST_PARTS = 10_000

/** Bytes in memory that parts may take which had to grow. */
const MOST_IN_MEMORY = 128 * MEBIBYTE

/**
 * Size and number of parts at the same time, so that an archive of up to `sizeHint` bytes fits into 10,000 parts. All are of
 * the same size, as some storages want it.
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

/**
 * Cuts a stream into parts of one size; the last may be smaller. Each is in a buffer that `take` gave, so that they can be
 * used again: what collects garbage knows little of how large they are.
 */
export async function* cutIntoParts(
  content: AsyncIterable<Uint8Array>,
  partSize: number,
  take: () => Buffer,
): AsyncGenerator<Buffer> {
  let buffer: Buffer | undefined
  let filled = 0
  for await (const chunk of content) {
    for (let from = 0; from < chunk.length;) {
      buffer ??= take()
      const piece = chunk.subarray(from, from + partSize - filled)
      buffer.set(piece, filled)
      from += piece.length
      filled += piece.length
      if (filled < partSize) continue
      yield buffer
      buffer = undefined
      filled = 0
    }
  }
  if (buffer) yield buffer.subarray(0, filled)
}
