import { DeployError } from 'shipit-capistrano'

/**
 * Dependencies can't be installed. Codes: `E_INSTALLER` (a program is missing or failed, or a lockfile is missing or
 * ambiguous), `E_LOCKFILE` (the lockfile does not match the application's dependencies).
 */
export class InstallerError extends DeployError {}
