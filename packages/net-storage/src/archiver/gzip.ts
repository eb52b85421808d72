import { availableParallelism } from 'node:os'
import { promisify } from 'node:util'
import { gzip as gzipCallback } from 'node:zlib'
import { BLOCK, blocks } from './blocks.js'

const compress = promisify(gzipCallback)

/** Large enough for a block's whole member, so that zlib needs only one pass. */
const MEMBER = BLOCK + (1 << 16)

/**
 * gzip on several cores: compresses blocks in parallel, each into its own gzip member; concatenated members are a gzip
 * file (RFC 1952, 2.2). The same input gives the same output.
 */
export async function* gzip(source: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  const pending: Promise<Buffer>[] = []
  for await (const block of blocks(source)) {
    const member = compress(block, { chunkSize: MEMBER })
    // Its error is handled when it is awaited below.
    member.catch(() => {})
    pending.push(member)
    if (pending.length > 2 * availableParallelism()) yield (await pending.shift()) ?? Buffer.alloc(0)
  }
  for (const member of pending) yield await member
}
