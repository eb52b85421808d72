import { stat } from 'node:fs/promises'

/** Whether a path leads to a file; false if it can't be read. */
export async function isFile(path: string): Promise<boolean> {
  return (await found(path))?.isFile() ?? false
}

/** Whether a path leads to a folder; false if it can't be read. */
export async function isFolder(path: string): Promise<boolean> {
  return (await found(path))?.isDirectory() ?? false
}

async function found(path: string) {
  return stat(path).catch(() => undefined)
}
