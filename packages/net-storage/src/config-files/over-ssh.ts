import { readFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { pack } from 'tar-stream'

/** Packs files into a tar stream for servers' standard input, by basename. They never go to storage. */
export async function* packConfigFiles(paths: readonly string[], mode: number): AsyncGenerator<Uint8Array> {
  const stream = pack()
  for (const path of paths) stream.entry({ name: basename(path), mode }, await readFile(path))
  stream.finalize()
  yield* stream as AsyncIterable<Uint8Array>
}
