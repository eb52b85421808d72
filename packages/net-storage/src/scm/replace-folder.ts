import { mkdir, mkdtemp, readdir, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'

const DAY = 24 * 60 * 60 * 1000

/**
 * Puts a new folder in the place of one, if there is one, that others may be using, or replacing, at the same time: of those
 * who do, the first wins, and the old one is away for no longer than a rename takes.
 */
export async function replaceFolder(path: string, make: (anew: string) => Promise<void>): Promise<void> {
  await mkdir(dirname(resolve(path)), { recursive: true })
  await removeLeftovers(path)
  const before = await identity(path)
  const anew = await mkdtemp(`${resolve(path)}.new-`)
  const old = `${anew}.old`
  try {
    await make(anew)
    if ((await identity(path)) !== before) return
    await rename(path, old).catch(unless('ENOENT'))
    await rename(anew, path).catch(unless('ENOTEMPTY', 'EEXIST'))
  } finally {
    for (const each of [anew, old]) await rm(each, { recursive: true, force: true })
  }
}

async function identity(path: string): Promise<number | undefined> {
  return (await stat(path).catch(unless('ENOENT')))?.ino
}

/** Removes what killed processes left; a day's grace spares those that are at it. */
async function removeLeftovers(path: string): Promise<void> {
  const folder = dirname(resolve(path))
  const names = (await readdir(folder)).filter((name) => name.startsWith(`${basename(path)}.new`))
  for (const each of names.map((name) => join(folder, name))) {
    const stats = await stat(each).catch(unless('ENOENT'))
    if (stats && stats.mtimeMs < Date.now() - DAY) await rm(each, { recursive: true, force: true })
  }
}

function unless(...codes: string[]) {
  return (error: NodeJS.ErrnoException): void => {
    if (!codes.includes(error.code ?? '')) throw error
  }
}
