import { runProgram } from 'shipit-capistrano'
import { answeredNo, type GitCommand } from './git-command.js'
import { ScmError } from './scm-error.js'

/** Options of {@link fetchLfsFiles}. */
export interface LfsFiles {
  /** The repository's folder. */
  readonly directory: string
  readonly commit: string
  readonly remote: string
}

/**
 * Fetches the Git LFS files of a commit, if it has any, into a local repository in parallel. git itself would fetch them
 * one by one on checkout.
 * @throws {ScmError} `E_GIT_LFS` if git-lfs is needed but missing; `E_REPOSITORY` if files can't be fetched
 */
export async function fetchLfsFiles(git: GitCommand, { directory, commit, remote }: LfsFiles): Promise<void> {
  if (!(await hasLfsFiles(git, directory, commit))) return
  if ((await runProgram(['git-lfs', 'version'], git.context)).failed)
    throw new ScmError(
      'E_GIT_LFS',
      `Commit ${commit} has files in Git LFS, but git-lfs is not installed on this machine: install it (Debian: apt-get install git-lfs).`,
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
    if (answeredNo(error)) return false
    throw error
  }
}
