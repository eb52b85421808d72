import { isDeepStrictEqual } from 'node:util'
import { z } from 'zod'
import type { EnvironmentConfig } from 'shipit-capistrano'

/** What of shipit-deploy's settings for the copy says what a pull deploy does anyway. */
const HARMLESS = {
  copy: [false],
  rsync: ['', []],
  remoteCopy: [{}, { copyAsDir: false }, { rsync: '--del' }, { copyAsDir: false, rsync: '--del' }],
}

const ignores = z.array(z.string())

/**
 * What is wrong, in a pull deploy, with shipit-deploy's settings for what is copied and how. `ignores` and `dirToCopy` are
 * honoured; the others have nothing to do with how releases are made here.
 */
export function pushMistakes(config: EnvironmentConfig): string[] {
  const { rsyncFrom, rsync, copy, deploy, dirToCopy } = config
  const { remoteCopy } = (deploy ?? {}) as { remoteCopy?: unknown }
  const isSet = (value: unknown, harmless: readonly unknown[] = []): boolean =>
    value !== undefined && !harmless.some((each) => isDeepStrictEqual(each, value))
  return [
    ...(config['ignores'] !== undefined && !ignores.safeParse(config['ignores']).success
      ? ["ignores: expected a list of patterns, as rsync's --exclude takes them"]
      : []),
    ...(isSet(dirToCopy) && !isInside(dirToCopy)
      ? ['dirToCopy: expected a folder inside the workspace']
      : []),
    ...(isSet(rsyncFrom)
      ? [
          'rsyncFrom: a pull deploy packs the workspace that it makes of the commit; remove it, and name a folder of the workspace with dirToCopy if not all of it is to be deployed',
        ]
      : []),
    ...(isSet(rsync, HARMLESS.rsync)
      ? [
          'rsync: a pull deploy copies nothing with rsync; remove it, leave files out with ignores, and give options to your own copyToRemote calls directly',
        ]
      : []),
    ...(isSet(copy, HARMLESS.copy)
      ? [
          'copy: in a pull deploy no release starts as a copy of the one before; remove it, or set it to false',
        ]
      : []),
    ...(isSet(remoteCopy, HARMLESS.remoteCopy)
      ? [
          'deploy.remoteCopy: a pull deploy copies nothing with rsync; remove it, and leave files out with ignores',
        ]
      : []),
  ]
}

function isInside(folder: unknown): boolean {
  return typeof folder === 'string' && !folder.startsWith('/') && !folder.split('/').includes('..')
}
