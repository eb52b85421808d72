import { lstatSync, readdirSync, readlinkSync, type Stats } from 'node:fs'
import { join } from 'node:path'
import { DeployError } from 'shipit-capistrano'

/** A file, folder or symbolic link of a release tree. */
export interface TreeEntry {
  /** Relative to the tree, with `/`. */
  readonly name: string
  readonly path: string
  readonly type: 'file' | 'directory' | 'symlink'
  /** Permission bits. */
  readonly mode: number
  /** Bytes; 0 except for files. */
  readonly size: number
  /** Target of a symbolic link. */
  readonly target?: string
}

/**
 * Everything below a folder, sorted, so that the same tree gives the same archive. Synchronous, which is several times
 * as fast for many small files; packing still runs between entries.
 * @throws {DeployError} `E_TREE` for files that can't be deployed: sockets, devices, names that are not UTF-8
 */
export function* walk(root: string, folder = ''): Generator<TreeEntry> {
  for (const each of readdirSync(join(root, folder)).sort()) {
    const name = folder ? `${folder}/${each}` : each
    const path = join(root, name)
    const stats = look(path, name)
    const mode = stats.mode & 0o7777
    if (stats.isSymbolicLink()) {
      yield { name, path, type: 'symlink', mode: 0o777, size: 0, target: readlinkSync(path) }
    } else if (stats.isDirectory()) {
      yield { name, path, type: 'directory', mode, size: 0 }
      yield* walk(root, name)
    } else if (stats.isFile()) {
      yield { name, path, type: 'file', mode, size: stats.size }
    } else {
      throw new DeployError(
        'E_TREE',
        `${JSON.stringify(name)} is not a file, folder or symbolic link, and can't be deployed: remove it.`,
      )
    }
  }
}

function look(path: string, name: string): Stats {
  try {
    return lstatSync(path)
  } catch (error) {
    if (!name.includes('\uFFFD')) throw error
    throw new DeployError('E_TREE', `The name of ${JSON.stringify(name)} is not UTF-8: rename the file.`, {
      cause: error,
    })
  }
}
