import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { DeployError } from '../errors.js'
import type { Shipit } from './shipit.js'

/** The first version with what this package needs, above all `init:after_ssh_pool`. */
const NEEDED = 5

/**
 * Rejects a Shipit of another major version. The user's own `shipit` command may be the right one: some packages bundle and
 * start their own Shipit, as shipit-captain does with shipit-cli 1.
 * @throws {DeployError} `E_SHIPIT`
 */
export function refuseOtherVersion(shipit: Shipit): void {
  if (typeof shipit.copyToRemote === 'function' && 'globalConfig' in shipit) return
  const folder = packageOf(shipit)
  const found = folder === undefined ? 'another Shipit' : describe(folder)
  throw new DeployError(
    'E_SHIPIT',
    `shipit-capistrano needs shipit-cli ${NEEDED}, but got ${found}: some packages, such as shipit-captain, bundle their own. Run \`shipit <environment> <task>\` of shipit-cli ${NEEDED} instead.`,
  )
}

function describe(folder: string): string {
  const text = readFileSync(join(folder, 'package.json'), 'utf8')
  const { name, version } = JSON.parse(text) as Record<string, string>
  return `${name} ${version} in ${folder}`
}

/** The folder of the package with a Shipit's class. */
function packageOf(shipit: Shipit): string | undefined {
  const { constructor } = shipit
  const loaded = Object.values(createRequire(import.meta.url).cache)
  let path = loaded.find(
    (each) => each?.exports === constructor || each?.exports?.default === constructor,
  )?.filename
  while (path !== undefined && path !== dirname(path)) {
    path = dirname(path)
    if (existsSync(join(path, 'package.json'))) return path
  }
  return undefined
}
