import { createReadStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'
import { pack, type Header, type Pack } from 'tar-stream'
import { walk, type TreeEntry } from './tree.js'

/** Files up to this many bytes are read whole: that is faster, and takes little memory. */
const SMALL = 1 << 20

/** Options of {@link tar}. */
export interface TarOptions {
  /** Modification time of every entry, in seconds since 1970. */
  readonly mtime: number
}

/**
 * A folder as a tar stream that depends on nothing but names, content, permission bits and `mtime`: sorted, owned by
 * 0:0. Memory stays bounded whatever the size of the files.
 */
export async function* tar(directory: string, { mtime }: TarOptions): AsyncGenerator<Buffer> {
  const stream = pack()
  const packing = packAll(stream, directory, new Date(mtime * 1000)).then(
    () => stream.finalize(),
    (error: unknown) => stream.destroy(error as Error),
  )
  yield* stream as AsyncIterable<Buffer>
  await packing
}

async function packAll(stream: Pack, directory: string, mtime: Date): Promise<void> {
  for await (const entry of walk(directory)) await packEntry(stream, entry, mtime)
}

async function packEntry(stream: Pack, entry: TreeEntry, mtime: Date): Promise<void> {
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
  const content = type === 'file' && size <= SMALL ? await readFile(entry.path) : undefined
  await new Promise<void>((resolve, reject) => {
    const sink = stream.entry(header, (error) => (error ? reject(error) : resolve()))
    if (type === 'file' && !content) pipeline(createReadStream(entry.path), sink).catch(reject)
    else sink.end(content)
  })
}
