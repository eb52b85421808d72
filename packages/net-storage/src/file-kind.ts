import { stat } from 'node:fs/promises'

/** Whether a path leads to a file. Not if that can't be told. */
export async function isFile(path: string): Promise<boolean> {
  return (await found(path))?.isFile() ?? false
}

/** Whether a path leads to a folder. Not if that can't be told. */
export async function isFolder(path: string): Promise<boolean> {
  return (await found(path))?.isDirectory() ?? false
}

async function found(path: string) {
  return stat(path).catch(() => undefined)
}
