import { DeployError, readProgram, runProgram } from 'shipit-capistrano'
import { Archiver, type PackOptions } from './archiver.js'
import { blocks } from './blocks.js'
import { tar } from './tar.js'

/** zstd's own default: fast, and smaller than gzip's output. */
const LEVEL = 3

/** `tar.zst`, packed by `zstd` on all cores: the fastest. Servers need `zstd`. */
export class TarZstd extends Archiver {
  readonly format = 'tar.zst'
  readonly contentType = 'application/zstd'
  readonly options = { level: LEVEL }
  readonly serverPrograms = ['tar', 'zstd']
  readonly unpackCommand = 'zstd -dc -- "$archive_file" | tar -xopf - -C "$target"'

  async check(): Promise<void> {
    if ((await runProgram(['zstd', '--version'])).failed)
      throw new DeployError(
        'E_ARCHIVER',
        "netStorage.archiver 'tar.zst' needs zstd on this machine: install it, or use 'tar.gz'.",
      )
  }

  pack(directory: string, options: PackOptions): AsyncIterable<Uint8Array> {
    return readProgram(['zstd', '-q', '-c', `-${LEVEL}`, '-T0'], {
      // In blocks: one write per small file costs more than the compression.
      stdin: blocks(tar(directory, options)),
      signal: options.signal,
      failure: ({ exitCode }) =>
        new DeployError('E_ARCHIVER', `zstd exited with status ${exitCode}: see its output above.`),
    })
  }
}
