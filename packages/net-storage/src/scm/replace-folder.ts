import { mkdir, mkdtemp, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, resolve } from 'node:path'
import { OWNER, removeLeftBehind } from '../left-behind.js'

/**
 * Creates a folder, or replaces it while other processes may be using or replacing it: the first one wins, and the folder
 * is missing only between two renames.
 */
export async function replaceFolder(
  path: string,
  make: (replacement: string) => Promise<void>,
): Promise<void> {
  await mkdir(dirname(resolve(path)), { recursive: true })
  await removeReplacements(path)
  const before = await identity(path)
  const replacement = await mkdtemp(`${resolve(path)}.new-${OWNER}+`)
  const old = `${replacement}.old`
  try {
    await make(replacement)
    if ((await identity(path)) !== before) return
    await rename(path, old).catch(unless('ENOENT'))
    await rename(replacement, path).catch(unless('ENOTEMPTY', 'EEXIST'))
  } finally {
    // A program that is being killed may still write for a moment.
    for (const each of [replacement, old]) await rm(each, { recursive: true, force: true, maxRetries: 5 })
  }
}

/** Removes unfinished replacements of a folder, left by killed processes. */
export async function removeReplacements(path: string): Promise<void> {
  await removeLeftBehind(dirname(resolve(path)), (name) => name.startsWith(`${basename(path)}.new-`))
}

async function identity(path: string): Promise<number | undefined> {
  return (await stat(path).catch(unless('ENOENT')))?.ino
}

function unless(...codes: string[]) {
  return (error: NodeJS.ErrnoException): void => {
    if (!codes.includes(error.code ?? '')) throw error
  }
}
