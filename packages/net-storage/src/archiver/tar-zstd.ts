import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { promisify } from 'node:util'
import { DeployError } from 'shipit-capistrano'
import { Archiver, type PackOptions } from './archiver.js'
import { blocks } from './blocks.js'
import { tar } from './tar.js'

/** zstd's own default: fast, and smaller than gzip's output. */
const LEVEL = 3

/** `tar.zst`, packed by the `zstd` program on all cores: the fast one. Servers need `zstd`. */
export class TarZstd extends Archiver {
  readonly format = 'tar.zst'
  readonly contentType = 'application/zstd'
  readonly options = { level: LEVEL }
  readonly serverPrograms = ['tar', 'zstd']
  readonly unpackCommand = 'zstd -dc -- "$archive_file" | tar -xopf - -C "$target"'

  async check(): Promise<void> {
    await promisify(execFile)('zstd', ['--version']).catch((error: unknown) => {
      throw new DeployError(
        'E_ARCHIVER',
        "netStorage.archiver 'tar.zst' needs the program zstd on this machine: install it, or use 'tar.gz'.",
        { cause: error },
      )
    })
  }

  async *pack(directory: string, options: PackOptions): AsyncGenerator<Uint8Array> {
    const { signal } = options
    const zstd = spawn('zstd', ['-q', '-c', `-${LEVEL}`, '-T0'], {
      stdio: ['pipe', 'pipe', 'inherit'],
      ...(signal ? { signal } : {}),
    })
    const ended = once(zstd, 'close') as Promise<[number | null]>
    // In blocks, as a write for each small file costs more than zstd's own work.
    // The tree's own error is the one that tells what is wrong; zstd only sees its input end.
    const fed = pipeline(Readable.from(blocks(tar(directory, options))), zstd.stdin).then(
      () => undefined,
      (error: unknown) => error,
    )
    ended.catch(() => {})
    try {
      yield* zstd.stdout as AsyncIterable<Uint8Array>
      const error = await fed
      if (error) throw error as Error
      const [status] = await ended
      if (status !== 0) {
        throw new DeployError('E_ARCHIVER', `zstd ended with status ${status}: see what it says above.`)
      }
    } finally {
      zstd.kill()
    }
  }
}
