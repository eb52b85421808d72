import { DeployError } from 'shipit-capistrano'

/**
 * Dependencies can't be installed. Codes: `E_INSTALLER` (a program is missing or failed, or several lockfiles are there),
 * `E_LOCKFILE` (the lockfile does not match what the application asks for).
 */
export class InstallerError extends DeployError {}
