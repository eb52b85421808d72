/** The application to install dependencies for. */
export interface InstallTarget {
  /** Folder with the lockfile. */
  readonly directory: string
  /** Name of the lockfile found there. */
  readonly lockfile: string
  /** The installer's own cache folder, kept between deploys; it exists. */
  readonly cacheDirectory: string
  /** Cancels it. */
  readonly signal: AbortSignal
}

/**
 * Installs production dependencies into a release tree on the deploy machine, before it is packed. Mirrors
 * capistrano-net_storage's `Bundler::Base`.
 *
 * The result must work in another folder on another machine: links inside the tree are relative. It respects the
 * environment: `NODE_ENV`, proxies, the user's configuration files.
 */
export abstract class Installer {
  /** Unique name, such as `npm`. Letters, digits, dots and dashes. */
  abstract readonly name: string
  /** Names of its lockfile, in order of preference: where one exists, dependencies are installed. */
  abstract readonly lockfiles: readonly string[]
  /** Folders that it fills, relative to the lockfile's; shared folders may not replace them. @default none */
  readonly installsInto: readonly string[] = []
  /**
   * What its result depends on besides the files of the commit, such as its version: an archive made with another identity
   * is not reused. Called before anything is built.
   * @throws {InstallerError} `E_INSTALLER` if its program is missing
   */
  abstract identity(): Promise<Readonly<Record<string, string>>>
  /**
   * @throws {InstallerError} `E_LOCKFILE` if the lockfile does not match the application's dependencies; `E_INSTALLER` if it
   * fails otherwise
   */
  abstract install(target: InstallTarget): Promise<void>
}
