import { availableParallelism } from 'node:os'
import { promisify } from 'node:util'
import { gzip as gzipCallback } from 'node:zlib'
import { BLOCK, blocks } from './blocks.js'

const compress = promisify(gzipCallback)

/** Room for a block's whole member, so that zlib does it in one go. */
const MEMBER = BLOCK + (1 << 16)

/**
 * gzip on several cores: blocks are compressed at the same time, each into a gzip member of its own; members put
 * together are a gzip file (RFC 1952, 2.2). The same input gives the same output.
 */
export async function* gzip(source: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  const pending: Promise<Buffer>[] = []
  for await (const block of blocks(source)) {
    const member = compress(block, { chunkSize: MEMBER })
    // Its error is met when its turn comes.
    member.catch(() => {})
    pending.push(member)
    if (pending.length > 2 * availableParallelism()) yield (await pending.shift()) ?? Buffer.alloc(0)
  }
  for (const member of pending) yield await member
}
