/** Options of an {@link Scm}. */
export interface ScmOptions {
  /** `repositoryUrl` of the shipitfile, in any form that the SCM's program accepts. May contain a password. */
  readonly repositoryUrl: string
  /** The SCM's own folder for a copy of the repository, kept between deploys; may not exist yet. */
  readonly mirrorPath: string
  /** The only folder of the repository to deploy. @default all of it */
  readonly repoTree?: string | undefined
  /** Whether to include nested repositories: `updateSubmodules` of the shipitfile. @default false */
  readonly submodules?: boolean | undefined
  /** The program's own settings: `gitConfig` of the shipitfile. @default none */
  readonly config?: Readonly<Record<string, string>> | undefined
  /** Returns the signal that cancels running work. */
  readonly signal: () => AbortSignal
}

/**
 * Where code comes from. Mirrors capistrano-net_storage's `SCM::Base`.
 *
 * A revision names a commit permanently. It has up to 64 characters of `[A-Za-z0-9_.]`, because it becomes part of storage
 * keys and of file names on servers. A branch is any name that users enter: it may contain anything, but does not begin with a
 * dash.
 *
 * Every method rejects with a `ScmError` if the repository can't provide what was requested; its message has no password.
 */
export abstract class Scm {
  /** Checks that the repository can be read and has `branch`. Called before anything is changed. */
  abstract check(branch: string): Promise<void>
  /** The current revision of a branch, read from the repository itself, not the copy; undefined if unknown. */
  abstract find(branch: string): Promise<string | undefined>
  /** Updates the copy, even one that a killed process left broken. */
  abstract update(branch: string): Promise<void>
  /** The revision of a branch in the copy. Checks that it has `repoTree`. @throws {ScmError} `E_BRANCH`, `E_REPO_TREE` */
  abstract resolve(branch: string): Promise<string>
  /** Time of a commit, in seconds since 1970. */
  abstract commitTime(revision: string): Promise<number>
  /**
   * Commits after the deployed revision `from`, up to `to`, newest first, one line each in `format`; empty if there are
   * none. @throws {ScmError} `E_REPOSITORY` if the repository does not have `from`
   */
  abstract log(from: string, to: string, format: string): Promise<string>
  /** Content of a small file of a commit, by its path below `repoTree`; undefined if it does not exist. */
  abstract read(revision: string, path: string): Promise<Buffer | undefined>
  /** Writes a commit's files below `repoTree` into a folder, with permission bits and links. Deterministic. */
  abstract extract(revision: string, directory: string): Promise<void>
  /**
   * Like {@link extract}, but may also make the folder a working copy, for builds that query the commit. By default it does
   * not.
   */
  async checkOut(revision: string, directory: string): Promise<void> {
    await this.extract(revision, directory)
  }
  /** Removes what {@link checkOut} added to the commit's files. By default, nothing. */
  async leave(_directory: string): Promise<void> {}
}
