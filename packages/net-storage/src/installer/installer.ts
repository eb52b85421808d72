/** The application whose dependencies are installed. */
export interface InstallTarget {
  /** Folder with the lockfile. */
  readonly directory: string
  /** Name of the lockfile that was found there. */
  readonly lockfile: string
  /** Folder of the installer's own that stays from deploy to deploy, for whatever makes the next one faster; it is there. */
  readonly cacheDirectory: string
  /** Gives it up. */
  readonly signal: AbortSignal
}

/**
 * Installs production dependencies into a release tree on the deploy machine, before it is packed. Mirrors
 * capistrano-net_storage's `Bundler::Base`.
 *
 * What it installs must work in another folder on another machine: links inside the tree are relative. It respects the
 * environment: `NODE_ENV`, proxies, the user's own configuration files.
 */
export abstract class Installer {
  /** For people, and to tell it from others: `npm`. Of letters, digits, dots and dashes. */
  abstract readonly name: string
  /** Names that its lockfile may have, the one that it prefers first: where one is, dependencies are installed. */
  abstract readonly lockfiles: readonly string[]
  /** Folders that it fills, from the lockfile's on; shared folders may not take their place. @default none */
  readonly installsInto: readonly string[] = []
  /**
   * What its result depends on beside the files of the commit, such as its version: an archive that was made with another
   * is not reused. Called before anything is built.
   * @throws {InstallerError} `E_INSTALLER` if its program is missing
   */
  abstract identity(): Promise<Readonly<Record<string, string>>>
  /**
   * Installs.
   * @throws {InstallerError} `E_LOCKFILE` if the lockfile does not match what the application asks for; `E_INSTALLER` if it fails otherwise
   */
  abstract install(target: InstallTarget): Promise<void>
}
