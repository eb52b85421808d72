import { Archiver, type PackOptions } from './archiver.js'
import { gzip } from './gzip.js'
import { tar } from './tar.js'

/** `tar.gz`, packed on all cores; every server can unpack it. Mirrors `Archiver::TarGzip`. */
export class TarGzip extends Archiver {
  readonly format = 'tar.gz'
  readonly contentType = 'application/gzip'
  readonly options = {}
  readonly serverPrograms = ['tar', 'gzip']
  readonly unpackCommand = 'tar -xzopf - -C "$target" <"$archive_file"'

  async check(): Promise<void> {}

  pack(directory: string, options: PackOptions): AsyncIterable<Uint8Array> {
    return gzip(tar(directory, options))
  }
}
