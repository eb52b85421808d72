import { isDeepStrictEqual } from 'node:util'
import { z } from 'zod'
import type { EnvironmentConfig } from 'shipit-capistrano'

/** Values of shipit-deploy's copy settings that match what a pull deploy does anyway. */
const HARMLESS = {
  copy: [false],
  rsync: ['', []],
  remoteCopy: [{}, { copyAsDir: false }, { rsync: '--del' }, { copyAsDir: false, rsync: '--del' }],
}

const ignores = z.array(z.string())

/**
 * What is wrong, in a pull deploy, with shipit-deploy's settings for what is copied and how. `ignores` and `dirToCopy` are
 * honoured; the others have no effect on a pull deploy.
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
          'rsyncFrom: a pull deploy packs the workspace of the commit; remove it, and set dirToCopy to deploy only a folder of the workspace',
        ]
      : []),
    ...(isSet(rsync, HARMLESS.rsync)
      ? [
          'rsync: a pull deploy copies nothing with rsync; remove it, exclude files with ignores, and pass options to your own copyToRemote calls directly',
        ]
      : []),
    ...(isSet(copy, HARMLESS.copy)
      ? ['copy: a pull deploy does not copy the previous release; remove it, or set it to false']
      : []),
    ...(isSet(remoteCopy, HARMLESS.remoteCopy)
      ? [
          'deploy.remoteCopy: a pull deploy copies nothing with rsync; remove it, and exclude files with ignores',
        ]
      : []),
  ]
}

function isInside(folder: unknown): boolean {
  return typeof folder === 'string' && !folder.startsWith('/') && !folder.split('/').includes('..')
}
