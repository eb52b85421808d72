import { createRequire } from 'node:module'
import { DeployError } from '../errors.js'
import type { Shipit } from './shipit.js'

// A plain require, as the module's default export differs between Node and bundlers.
const { default: extendShipit } = createRequire(import.meta.url)('shipit-deploy/lib/extendShipit.js') as {
  default: (shipit: Shipit) => void
}

/**
 * What each of shipit-deploy's tasks does first: sets Shipit's paths and default settings. A shipitfile may start with any of
 * these tasks.
 * @throws {DeployError} `E_CONFIG` without deployTo
 */
export function prepare(shipit: Shipit): void {
  if (!shipit.config.deployTo) throw new DeployError('E_CONFIG', 'deployTo: must be set to deploy.')
  extendShipit(shipit)
}
