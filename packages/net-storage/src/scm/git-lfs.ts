import { runProgram } from 'shipit-capistrano'
import { saysNo, type GitCommand } from './git-command.js'
import { ScmError } from './scm-error.js'

/** Where {@link fetchLfsFiles} gets files from, and for which commit. */
export interface LfsFiles {
  /** The repository's folder. */
  readonly directory: string
  readonly commit: string
  /** Name of the remote. */
  readonly remote: string
}

/**
 * Brings the Git LFS files of a commit to a repository on this machine, if it has any, all at once and in parallel.
 * git's own way, when it writes the files, is one after the other.
 * @throws {ScmError} `E_GIT_LFS` if they are needed and git-lfs is missing; `E_REPOSITORY` if they can't be had
 */
export async function fetchLfsFiles(git: GitCommand, { directory, commit, remote }: LfsFiles): Promise<void> {
  if (!(await hasLfsFiles(git, directory, commit))) return
  if ((await runProgram(['git-lfs', 'version'], git.context)).failed)
    throw new ScmError(
      'E_GIT_LFS',
      `Commit ${commit} has files in Git LFS, and git-lfs is not on this machine: install it (Debian: apt-get install git-lfs).`,
    )
  await git.run(['lfs', 'fetch', remote, commit], directory).catch((error: unknown) => {
    throw git.failure('E_REPOSITORY', `Can't fetch the Git LFS files of commit ${commit}`, error)
  })
}

async function hasLfsFiles(git: GitCommand, directory: string, revision: string): Promise<boolean> {
  const attributes = ['.gitattributes', ':(glob)**/.gitattributes']
  try {
    await git.run(['grep', '--quiet', '-e', 'filter=lfs', revision, '--', ...attributes], directory)
    return true
  } catch (error) {
    if (saysNo(error)) return false
    throw error
  }
}
