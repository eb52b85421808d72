import { once } from 'node:events'
import { createReadStream, readFileSync } from 'node:fs'
import type { ReadStreamOptions, ZipFile } from 'yazl'
import { DeployError } from 'shipit-capistrano'
import { Archiver, type PackOptions } from './archiver.js'
import { walk, type TreeEntry } from './tree.js'

/** Bytes of files that are read and compressed in parallel; the next ones wait until these are written. */
const BATCH = 16 << 20

const KINDS = { file: 0o100000, directory: 0o040000, symlink: 0o120000 }

/** A date whose local time is UTC: zip stores local time, and the archive must not depend on the time zone. */
class UtcDate extends Date {
  override getFullYear = (): number => this.getUTCFullYear()
  override getMonth = (): number => this.getUTCMonth()
  override getDate = (): number => this.getUTCDate()
  override getHours = (): number => this.getUTCHours()
  override getMinutes = (): number => this.getUTCMinutes()
}

/** `zip`, packed on all cores. Servers need `unzip`. Mirrors `Archiver::Zip`. */
export class Zip extends Archiver {
  readonly format = 'zip'
  readonly contentType = 'application/zip'
  readonly options = {}
  readonly serverPrograms = ['unzip']
  // Without a UTF-8 locale, unzip escapes non-ASCII names; -^ allows line breaks in names.
  readonly unpackCommand = 'LC_ALL=C.UTF-8 unzip -q -o -^ "$archive_file" -d "$target"'

  async check(): Promise<void> {}

  async *pack(directory: string, options: PackOptions): AsyncGenerator<Uint8Array> {
    const yazl = await import('yazl')
    const zip = new yazl.ZipFile()
    const output = zip.outputStream
    const fail = (error: unknown): void => {
      ;(output as NodeJS.ReadableStream & { destroy(error: unknown): void }).destroy(error)
    }
    zip.on('error', fail)
    const adding = addAll(zip, directory, options).then(() => zip.end(), fail)
    yield* output as AsyncIterable<Buffer>
    await adding
  }
}

async function addAll(
  zip: ZipFile,
  directory: string,
  { mtime, onRead = () => {} }: PackOptions,
): Promise<void> {
  let batch = 0
  for (const entry of walk(directory)) {
    const { name, type, mode, size, path, target = '' } = entry
    // unzip takes it for a path separator.
    if (name.includes('\\'))
      throw new DeployError(
        'E_TREE',
        `${JSON.stringify(name)} contains a backslash, which zip does not support: rename the file, or set netStorage.archiver to 'tar.gz'.`,
      )
    const options = { mtime: new UtcDate(mtime * 1000), mode: KINDS[type] | mode }
    if (type === 'directory') zip.addEmptyDirectory(name, options)
    else if (type === 'symlink') zip.addBuffer(Buffer.from(target), name, { ...options, compress: false })
    else if (batch + size <= BATCH) {
      batch += size
      onRead(size)
      zip.addBuffer(readFileSync(path), name, options)
    } else {
      // Starts once everything before it is written.
      await addStream(zip, entry, { ...options, size }, onRead)
      batch = 0
    }
  }
}

/** Adds a file as a stream; resolves when its turn comes and the archive's reader has caught up. */
async function addStream(
  zip: ZipFile,
  { name, path }: TreeEntry,
  options: Partial<ReadStreamOptions>,
  onRead: (bytes: number) => void,
): Promise<void> {
  const output = zip.outputStream as NodeJS.ReadableStream & { writableNeedDrain: boolean }
  await new Promise<void>((resolve, reject) => {
    zip.addReadStreamLazy(name, options, (give) => {
      const start = async (): Promise<void> => {
        if (output.writableNeedDrain) await once(output, 'drain')
        const file = createReadStream(path)
        file.on('data', (chunk) => onRead(chunk.length))
        file.on('error', (error) => zip.emit('error', error))
        give(null, file)
      }
      start().then(resolve, reject)
    })
  })
}
