import { readdir, rm, stat } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { DAY, isAlive } from 'shipit-capistrano'

/** Stands in the name of what this process alone uses, so that later ones can tell when it is left behind. */
export const OWNER = `${process.pid}@${hostname()}`

/**
 * The names in a folder that stand for what killed processes left behind. Of another machine's, or container's, nobody
 * here knows whether they live: what they made is spared for a day, as is what tells no owner.
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
