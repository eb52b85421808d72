import { posix } from 'node:path'
import type { EnvironmentConfig } from '../shipit/shipit.js'

/**
 * `~/shop` as a path relative to the login user's home, where commands on servers start. Scripts and rsync take a tilde
 * literally; only a shell expands it, in an unquoted path.
 */
export function belowHome(path: string): string {
  return path.replace(/^~\/+/, '')
}

/** The application's folder on servers, as {@link belowHome} leaves it. */
export const deployTo = (config: EnvironmentConfig): string => String(config.deployTo)

/** A release's folder on servers. */
export const releasePath = (config: EnvironmentConfig, release: string): string =>
  posix.join(deployTo(config), 'releases', release)
