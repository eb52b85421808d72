import { availableParallelism } from 'node:os'
import { promisify } from 'node:util'
import { gzip as gzipCallback } from 'node:zlib'

const compress = promisify(gzipCallback)

/** Bytes that are compressed by themselves. Larger blocks compress hardly better. */
const BLOCK = 1 << 20

/**
 * gzip on several cores: blocks are compressed at the same time, each into a gzip member of its own; members put
 * together are a gzip file (RFC 1952, 2.2). The same input gives the same output.
 */
export async function* gzip(source: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  const pending: Promise<Buffer>[] = []
  for await (const block of blocks(source)) {
    const member = compress(block)
    // Its error is met when its turn comes.
    member.catch(() => {})
    pending.push(member)
    if (pending.length > availableParallelism()) yield (await pending.shift()) ?? Buffer.alloc(0)
  }
  for (const member of pending) yield await member
}

/** The same bytes in blocks of exactly `BLOCK` bytes, however they came, so that the output depends on nothing else. */
async function* blocks(source: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  let block = Buffer.allocUnsafe(BLOCK)
  let used = 0
  for await (const chunk of source) {
    for (let from = 0; from < chunk.length;) {
      const part = chunk.subarray(from, from + BLOCK - used)
      block.set(part, used)
      used += part.length
      from += part.length
      if (used === BLOCK) {
        yield block
        block = Buffer.allocUnsafe(BLOCK)
        used = 0
      }
    }
  }
  if (used > 0) yield block.subarray(0, used)
}
