import { mkdir, mkdtemp, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, resolve } from 'node:path'
import { OWNER, removeLeftBehind } from '../left-behind.js'

/**
 * Puts a new folder in the place of one, if there is one, that others may be using, or replacing, at the same time: of those
 * who do, the first wins, and the old one is away for no longer than a rename takes.
 */
export async function replaceFolder(path: string, make: (anew: string) => Promise<void>): Promise<void> {
  await mkdir(dirname(resolve(path)), { recursive: true })
  await removeReplacements(path)
  const before = await identity(path)
  const anew = await mkdtemp(`${resolve(path)}.new-${OWNER}+`)
  const old = `${anew}.old`
  try {
    await make(anew)
    if ((await identity(path)) !== before) return
    await rename(path, old).catch(unless('ENOENT'))
    await rename(anew, path).catch(unless('ENOTEMPTY', 'EEXIST'))
  } finally {
    // What was told to end may write for another moment.
    for (const each of [anew, old]) await rm(each, { recursive: true, force: true, maxRetries: 5 })
  }
}

/** Removes what killed processes were about to put in the place of a folder. */
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
