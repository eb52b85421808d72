/** Options of {@link Archiver.pack}. */
export interface PackOptions {
  /** Modification time of every entry, in seconds since 1970: the commit's. */
  readonly mtime: number
  /** Gives it up. */
  readonly signal?: AbortSignal
  /** Told each time that so many bytes of the tree's files were read. */
  readonly onRead?: (bytes: number) => void
}

/**
 * Makes one file of a release tree, and says how a server unpacks it. Mirrors capistrano-net_storage's `Archiver::Base`.
 *
 * What it packs depends on nothing but the tree's names, content, permission bits and links, and on `mtime`: the same
 * tree gives the same bytes, wherever and whenever. Memory stays bounded whatever the tree's size.
 */
export abstract class Archiver {
  /** Names the format, and ends the archive's name: `tar.gz`. Of letters, digits and dots. */
  abstract readonly format: string
  /** Media type of the archive. */
  abstract readonly contentType: string
  /** What else its output depends on, such as a level: an archive that was made with another is not reused. */
  abstract readonly options: Readonly<Record<string, string | number | boolean>>
  /** Programs that a server needs to unpack. */
  abstract readonly serverPrograms: readonly string[]
  /**
   * A POSIX `sh` command that unpacks the archive `"$archive_file"` into the empty folder `"$target"`, with permission
   * bits and links as they were packed, owned by whoever unpacks.
   */
  abstract readonly unpackCommand: string
  /** Proves that this machine can pack. @throws {DeployError} `E_ARCHIVER`, naming what is missing and what to do */
  abstract check(): Promise<void>
  /** The archive of everything below a folder. @throws {DeployError} `E_TREE` for what can't be packed */
  abstract pack(directory: string, options: PackOptions): AsyncIterable<Uint8Array>
}
