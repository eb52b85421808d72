import { readdir, rm, stat } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { DAY, isAlive } from 'shipit-capistrano'

/** Part of the names of files that only this process uses, so that later ones can detect leftovers. */
export const OWNER = `${process.pid}@${hostname()}`

/**
 * The names in a folder that killed processes left behind. Whether a process of another machine or container is alive is
 * unknown: its files, and those without an owner, are kept for a day.
 */
export async function leftBehind(folder: string, isOne: (name: string) => boolean): Promise<string[]> {
  const names = await readdir(folder).catch(() => [])
  const found = names
    .filter(isOne)
    .map(async (name) => ((await isLeftBehind(name, join(folder, name))) ? [name] : []))
  return (await Promise.all(found)).flat()
}

/** Removes {@link leftBehind}. */
export async function removeLeftBehind(folder: string, isOne: (name: string) => boolean): Promise<void> {
  for (const name of await leftBehind(folder, isOne))
    await rm(join(folder, name), { recursive: true, force: true })
}

async function isLeftBehind(name: string, path: string): Promise<boolean> {
  const [, pid, host = ''] = /(\d+)@(.*)$/.exec(name) ?? []
  if (pid !== undefined && (host === hostname() || host.startsWith(`${hostname()}+`)))
    return !isAlive(Number(pid))
  const stats = await stat(path).catch(() => undefined)
  return stats !== undefined && stats.mtimeMs < Date.now() - DAY
}
