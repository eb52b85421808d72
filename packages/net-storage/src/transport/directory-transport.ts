import { createWriteStream } from 'node:fs'
import { link, mkdir, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join, relative, resolve } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { LockOffer } from 'shipit-capistrano'
import { assertKey } from './key.js'
import { Transport, type PutOptions, type Source, type StoredObject } from './transport.js'
import { TransportError } from './transport-error.js'

/** Codes for a path that is not a file: missing, below a file, a folder. */
const NOT_A_FILE = new Set(['ENOENT', 'ENOTDIR', 'EISDIR'])

/** Options of {@link DirectoryTransport}. */
export interface DirectoryTransportOptions {
  /** Folder that the deploy machine and all servers share under this path. It must exist. */
  readonly path: string
}

/** Storage in a shared mount, or in a folder if everything is on one machine. */
export class DirectoryTransport extends Transport {
  readonly description: string
  /** Not a recursive `readdir`: that follows symbolic links in some versions of Node. */
  private async *files(folder: string): AsyncGenerator<string> {
    const entries = await this.attempt('read', () => readdir(folder, { withFileTypes: true }))
    for (const entry of entries) {
      const path = join(folder, entry.name)
      if (entry.isDirectory()) yield* this.files(path)
      else if (entry.isFile() && !entry.name.startsWith('.')) yield path
    }
  }

  private readonly path: string

  constructor({ path }: DirectoryTransportOptions) {
    super()
    this.path = resolve(path)
    this.description = this.path
  }

  async check(): Promise<void> {
    await this.attempt('read', () => readdir(this.path))
    const key = `checks/${crypto.randomUUID()}`
    await this.put(key, Buffer.from('check'))
    await this.get(key)
    await this.remove([key])
  }

  async stat(key: string): Promise<StoredObject | undefined> {
    return this.attempt(`read ${key} in`, async () => {
      const found = await orAbsent(stat(this.file(key)))
      return found?.isFile() ? { key, size: found.size, modifiedAt: found.mtime } : undefined
    })
  }

  async put(
    key: string,
    body: AsyncIterable<Uint8Array> | Uint8Array,
    options: PutOptions = {},
  ): Promise<boolean> {
    const { ifAbsent = false, signal } = options
    const file = this.file(key)
    // No key matches this file, as the parts of keys never begin with a dot.
    const part = join(dirname(file), `.${basename(file)}.${crypto.randomUUID()}`)
    // Never create the folder itself: if the mount is missing, this machine's own disk would fill up.
    await this.attempt('write to', () => stat(this.path))
    await this.attempt('write to', () => mkdir(dirname(file), { recursive: true }))
    let sourceError: unknown
    const content = (async function* () {
      try {
        if (body instanceof Uint8Array) yield body
        else yield* body
      } catch (error) {
        sourceError = error
        throw error
      }
    })()
    try {
      await pipeline(Readable.from(content), createWriteStream(part), signal ? { signal } : {})
      return await moveInto(file, part, ifAbsent)
    } catch (error) {
      signal?.throwIfAborted()
      if (sourceError !== undefined) throw sourceError
      throw this.failure(`write ${key} to`, error)
    } finally {
      await rm(part, { force: true })
    }
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    return this.attempt(`read ${key} in`, () => orAbsent(readFile(this.file(key))))
  }

  async *list(prefix: string): AsyncGenerator<StoredObject> {
    for await (const path of this.files(this.path)) {
      const key = relative(this.path, path)
      const found = key.startsWith(prefix) ? await this.stat(key) : undefined
      if (found) yield found
    }
  }

  async remove(keys: readonly string[]): Promise<void> {
    for (const key of keys)
      await this.attempt(`remove ${key} from`, () => rm(this.file(key), { force: true }))
  }

  async source(key: string): Promise<Source> {
    return { command: ['cat', '--', this.file(key)] }
  }

  /** Locks in a subfolder. @throws {TransportError} if the storage folder is missing, as an unmounted share is */
  override async lock(): Promise<LockOffer> {
    await this.attempt('keep a lock in', () => stat(this.path))
    return { folder: join(this.path, 'locks') }
  }

  private file(key: string): string {
    assertKey(key)
    return join(this.path, key)
  }

  private async attempt<T>(doing: string, run: () => Promise<T>): Promise<T> {
    try {
      return await run()
    } catch (error) {
      throw this.failure(doing, error)
    }
  }

  private failure(doing: string, error: unknown): TransportError {
    if (error instanceof TransportError) return error
    const { code } = error as NodeJS.ErrnoException
    const advice = code === 'ENOENT' ? 'create it, or mount it' : 'check its owner, mode and free space'
    return new TransportError(
      `Can't ${doing} the storage folder ${this.path} (${code ?? String(error)}): ${advice}.`,
      { cause: error },
    )
  }
}

async function moveInto(file: string, part: string, ifAbsent: boolean): Promise<boolean> {
  if (!ifAbsent) {
    await rename(part, file)
    return true
  }
  // Atomic: a hard link fails if the file exists.
  return link(part, file).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'EEXIST') return false
      throw error
    },
  )
}

async function orAbsent<T>(found: Promise<T>): Promise<T | undefined> {
  return found.catch((error: NodeJS.ErrnoException) => {
    if (NOT_A_FILE.has(error.code ?? '')) return undefined
    throw error
  })
}
