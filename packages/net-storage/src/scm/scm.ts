/** What an {@link Scm} is made with. */
export interface ScmOptions {
  /** `repositoryUrl` of the shipitfile: whatever the program of that scm takes. May hold a password. */
  readonly repositoryUrl: string
  /** Folder of its own for a copy of the repository, kept from deploy to deploy; it may not be there yet. */
  readonly mirrorPath: string
  /** Folder of the repository that is deployed. @default all of it */
  readonly repoTree?: string | undefined
  /** Repositories within the repository as well: `updateSubmodules` of the shipitfile. @default false */
  readonly submodules?: boolean | undefined
  /** The program's own settings: `gitConfig` of the shipitfile. @default none */
  readonly config?: Readonly<Record<string, string>> | undefined
  /** Gives up what is under way. */
  readonly signal: () => AbortSignal
}

/**
 * Where code comes from. Mirrors capistrano-net_storage's `SCM::Base`.
 *
 * A revision names a commit for good. It is of `[A-Za-z0-9_.]`, up to 64 of them, as it gets into keys in storage and
 * file names on servers. A branch is whatever people name: it does not begin with a dash, and may hold anything else.
 *
 * Every method rejects with a `ScmError` when the repository can't give what is asked for; its message holds no password.
 */
export abstract class Scm {
  /** Proves that the repository can be read and has `branch`. Called before anything is changed. */
  abstract check(branch: string): Promise<void>
  /** The revision of a branch as the repository has it now, without a copy of it; undefined if that can't be told. */
  abstract find(branch: string): Promise<string | undefined>
  /** Brings the copy up to date, also one that a killed process left behind. */
  abstract update(branch: string): Promise<void>
  /** The revision of a branch, in the copy. Proves that it has `repoTree`. @throws {ScmError} `E_BRANCH`, `E_REPO_TREE` */
  abstract resolve(branch: string): Promise<string>
  /** When a commit was made, in seconds since 1970. */
  abstract commitTime(revision: string): Promise<number>
  /**
   * Commits after one revision, which is deployed, up to another, newest first, a line each as `format` says; empty if
   * there are none. @throws {ScmError} `E_REPOSITORY` if the repository does not have the first one
   */
  abstract log(from: string, to: string, format: string): Promise<string>
  /** A small file of a commit, by its path below `repoTree`; undefined if there is none. */
  abstract read(revision: string, path: string): Promise<Buffer | undefined>
  /** Writes a commit's files below `repoTree` into a folder, with permission bits and links; the same commit gives the same files. */
  abstract extract(revision: string, directory: string): Promise<void>
  /**
   * Does what {@link extract} does; and may have the program's own commands work there as in a working copy, for builds that
   * ask which commit it is. By default they do not.
   */
  async checkOut(revision: string, directory: string): Promise<void> {
    await this.extract(revision, directory)
  }
  /** Removes what {@link checkOut} has added to the commit's files. By default that is nothing. */
  async leave(_directory: string): Promise<void> {}
}
