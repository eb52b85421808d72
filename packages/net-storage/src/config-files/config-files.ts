import { basename } from 'node:path'
import { DeployError } from 'shipit-capistrano'
import { isFile } from '../file-kind.js'

/**
 * The files that globs match, relative to the current folder. Mirrors net_storage_config_files.
 * @throws {DeployError} `E_CONFIG_FILES` if a glob matches nothing, or two files have the same name
 */
export async function findConfigFiles(globs: readonly string[]): Promise<string[]> {
  if (globs.length === 0) return []
  const { escapePath, glob } = await import('tinyglobby')
  const found = new Map<string, string>()
  for (const each of globs) {
    const paths = await glob([(await isFile(each)) ? escapePath(each) : each], {
      dot: true,
      expandDirectories: false,
    })
    if (paths.length === 0) {
      throw new DeployError(
        'E_CONFIG_FILES',
        `netStorage.configFiles: '${each}' matches no file in ${process.cwd()}.`,
      )
    }
    for (const path of paths.sort()) {
      const name = basename(path)
      const other = found.get(name)
      if (other !== undefined && other !== path) {
        throw new DeployError(
          'E_CONFIG_FILES',
          `netStorage.configFiles: ${other} and ${path} would both become '${name}' on the servers.`,
        )
      }
      found.set(name, path)
    }
  }
  return [...found.values()]
}
