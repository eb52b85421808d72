import { readFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { buffer } from 'node:stream/consumers'

/** Packs files into a tar archive, by basename. They never go to storage. */
export async function packConfigFiles(paths: readonly string[], mode: number): Promise<Buffer> {
  const { pack } = await import('tar-stream')
  const stream = pack()
  const packed = buffer(stream as AsyncIterable<Uint8Array>)
  for (const path of paths) stream.entry({ name: basename(path), mode }, await readFile(path))
  stream.finalize()
  return packed
}

/** Bytes as text for the shell's `printf %b`. */
export function escapeBytes(bytes: Buffer): string {
  return bytes
    .toString('latin1')
    .replaceAll(/[^ -[\]-~]/g, (byte) => `\\0${byte.charCodeAt(0).toString(8).padStart(3, '0')}`)
}
