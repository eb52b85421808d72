/** Bytes of a block. Larger ones hardly improve compression or speed. */
export const BLOCK = 1 << 20

/** Regroups a stream into blocks of exactly `BLOCK` bytes, so that the output does not depend on the input's chunks. */
export async function* blocks(source: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
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
