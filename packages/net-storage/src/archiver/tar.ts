import { createReadStream, readFileSync } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import type { Header, Pack } from 'tar-stream'
import type { PackOptions } from './archiver.js'
import { walk, type TreeEntry } from './tree.js'

/** Files up to this many bytes are read whole and synchronously: that is faster, and takes little memory. */
const SMALL = 1 << 18

/** Options of {@link tar}. */
export type TarOptions = Pick<PackOptions, 'mtime' | 'onRead'>

/**
 * Packs a folder into a tar stream that depends only on names, content, permission bits and `mtime`: sorted, owned by
 * 0:0. Memory use is bounded, regardless of file sizes.
 */
export async function* tar(
  directory: string,
  { mtime, onRead = () => {} }: TarOptions,
): AsyncGenerator<Buffer> {
  const { pack } = await import('tar-stream')
  const stream = pack()
  const packing = packAll(stream, directory, { mtime: new Date(mtime * 1000), onRead }).then(
    () => stream.finalize(),
    (error: unknown) => stream.destroy(error as Error),
  )
  yield* stream as AsyncIterable<Buffer>
  await packing
}

interface EntryOptions {
  readonly mtime: Date
  readonly onRead: (bytes: number) => void
}

async function packAll(stream: Pack, directory: string, options: EntryOptions): Promise<void> {
  for (const entry of walk(directory)) await packEntry(stream, entry, options)
}

async function packEntry(stream: Pack, entry: TreeEntry, { mtime, onRead }: EntryOptions): Promise<void> {
  const { name, type, mode, size, target } = entry
  const header: Partial<Header> & { name: string } = {
    name: type === 'directory' ? `${name}/` : name,
    type,
    mode,
    size,
    mtime,
    uid: 0,
    gid: 0,
  }
  if (target !== undefined) header.linkname = target
  const content = type === 'file' && size <= SMALL ? readFileSync(entry.path) : undefined
  if (content) onRead(content.length)
  const counted = async function* (chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const chunk of chunks) {
      onRead(chunk.length)
      yield chunk
    }
  }
  await new Promise<void>((resolve, reject) => {
    const sink = stream.entry(header, (error) => (error ? reject(error) : resolve()))
    if (type === 'file' && !content) pipeline(createReadStream(entry.path), counted, sink).catch(reject)
    else sink.end(content)
  })
}
