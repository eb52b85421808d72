/** Bytes of a block. Larger ones hardly improve compression or speed. */
export const BLOCK = 1 << 20

/** Options of {@link blocks}. */
export interface BlocksOptions {
  /** Bytes. @default {@link BLOCK} */
  readonly size?: number
  /** Returns a buffer of `size` bytes for the next block. @default a new one */
  readonly allocate?: () => Buffer
}

/** Regroups a stream into blocks of exactly `size` bytes; the last may be smaller. The output does not depend on the chunks. */
export async function* blocks(
  source: AsyncIterable<Uint8Array>,
  { size = BLOCK, allocate = () => Buffer.allocUnsafe(size) }: BlocksOptions = {},
): AsyncGenerator<Buffer> {
  let block: Buffer | undefined
  let used = 0
  for await (const chunk of source) {
    for (let from = 0; from < chunk.length;) {
      block ??= allocate()
      const part = chunk.subarray(from, from + size - used)
      block.set(part, used)
      used += part.length
      from += part.length
      if (used < size) continue
      yield block
      block = undefined
      used = 0
    }
  }
  if (block) yield block.subarray(0, used)
}
