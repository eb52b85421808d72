import { createRequire } from 'node:module'
import { DeployError } from '../errors.js'
import type { Shipit } from './shipit.js'

// Its own interop differs between Node and bundlers; a plain require does not.
const { default: extendShipit } = createRequire(import.meta.url)('shipit-deploy/lib/extendShipit.js') as {
  default: (shipit: Shipit) => void
}

/**
 * What each of shipit-deploy's tasks does first: gives Shipit paths, settings their defaults. A shipitfile may start with any
 * of them.
 * @throws {DeployError} `E_CONFIG` without deployTo
 */
export function prepare(shipit: Shipit): void {
  if (!shipit.config.deployTo) throw new DeployError('E_CONFIG', 'deployTo: must be set, a deploy needs it.')
  extendShipit(shipit)
}
