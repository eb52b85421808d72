/** Options of {@link Archiver.pack}. */
export interface PackOptions {
  /** Modification time of every entry, in seconds since 1970: the commit's. */
  readonly mtime: number
  /** Cancels it. */
  readonly signal?: AbortSignal
  /** Called with the number of bytes each time some of the tree's files were read. */
  readonly onRead?: (bytes: number) => void
}

/**
 * Packs a release tree into one file, and defines how a server unpacks it. Mirrors capistrano-net_storage's `Archiver::Base`.
 *
 * Its output depends only on the tree's names, content, permission bits and links, and on `mtime`: the same tree always
 * produces the same bytes. Memory use is bounded, regardless of the tree's size.
 */
export abstract class Archiver {
  /** Name of the format and extension of the archive's name: `tar.gz`. Letters, digits and dots. */
  abstract readonly format: string
  /** Media type of the archive. */
  abstract readonly contentType: string
  /** What else its output depends on, such as a level: an archive made with other options is not reused. */
  abstract readonly options: Readonly<Record<string, string | number | boolean>>
  /** Programs that a server needs to unpack. */
  abstract readonly serverPrograms: readonly string[]
  /**
   * A POSIX `sh` command that unpacks the archive `"$archive_file"` into the empty folder `"$target"`, with permission
   * bits and links as they were packed, owned by the user who unpacks.
   */
  abstract readonly unpackCommand: string
  /** Checks that this machine can pack. @throws {DeployError} `E_ARCHIVER`, naming what is missing and what to do */
  abstract check(): Promise<void>
  /** Packs everything below a folder. @throws {DeployError} `E_TREE` for files that can't be packed */
  abstract pack(directory: string, options: PackOptions): AsyncIterable<Uint8Array>
}
