import { dirname, resolve } from 'node:path'
import {
  gitAccess,
  gitEnvironment,
  runProgram,
  withoutCredentials,
  type ProgramContext,
} from 'shipit-capistrano'
import { GitFailure } from './git-failure.js'
import type { ScmOptions } from './scm.js'
import { ScmError } from './scm-error.js'

/** Bytes: a repository may have very many references. */
const MAX_OUTPUT = 256 << 20

/** git-lfs as `git lfs install` sets it up, whatever this machine's own configuration is. */
const LFS_FILTER = {
  'filter.lfs.process': 'git-lfs filter-process',
  'filter.lfs.smudge': 'git-lfs smudge -- %f',
  'filter.lfs.clean': 'git-lfs clean -- %f',
  'filter.lfs.required': 'true',
}

/** What git tells its hooks of the repository that they belong to; a deploy may be started by one. */
const OF_ANOTHER_REPOSITORY = new Set([
  'GIT_ALTERNATE_OBJECT_DIRECTORIES',
  'GIT_COMMON_DIR',
  'GIT_CONFIG',
  'GIT_DIR',
  'GIT_INDEX_FILE',
  'GIT_NAMESPACE',
  'GIT_OBJECT_DIRECTORY',
  'GIT_PREFIX',
  'GIT_QUARANTINE_PATH',
  'GIT_SHALLOW_FILE',
  'GIT_WORK_TREE',
])

/** Runs git with the repository's address and settings in its environment. */
export class GitCommand {
  constructor(
    private readonly options: Pick<ScmOptions, 'repositoryUrl' | 'mirrorPath' | 'config' | 'signal'>,
  ) {}

  /** The address that git is given: without user and password if it is a web one. */
  get url(): string {
    return gitAccess(this.options.repositoryUrl).url
  }

  /** Its output, without the last line's end. @throws as {@link GitCommand.read} */
  async run(args: readonly string[], cwd: string, input = ''): Promise<string> {
    return (await this.read(args, cwd, input)).toString('utf8').replace(/\n$/, '')
  }

  /** Its output. @throws {GitFailure}; what the signal is aborted with */
  async read(args: readonly string[], cwd: string, input = ''): Promise<Buffer> {
    const { context, signal } = this
    const options = { ...context, cwd, input, maxBuffer: MAX_OUTPUT, encoding: 'buffer', signal } as const
    const outcome = await runProgram(['git', ...args], options)
    if (outcome.failed) throw new GitFailure(outcome)
    const { buffer, byteOffset, byteLength } = outcome.stdout
    return Buffer.from(buffer, byteOffset, byteLength)
  }

  get signal(): AbortSignal {
    return this.options.signal()
  }

  /** How git runs, wherever that is. */
  get context(): ProgramContext {
    const { repositoryUrl, mirrorPath, config = {} } = this.options
    const access = gitAccess(repositoryUrl)
    const inherited = Object.entries(process.env).filter(([name]) => !OF_ANOTHER_REPOSITORY.has(name))
    const env = {
      ...gitEnvironment({
        access,
        config: [...Object.entries(LFS_FILTER), ...Object.entries(config), ['remote.shipit.url', access.url]],
        env: Object.fromEntries(inherited),
      }),
      // Somebody's way to make clones fast; deployed would be pointers.
      GIT_LFS_SKIP_SMUDGE: '0',
      // A mirror that is broken is no reason to change the project's own repository, which is around it.
      GIT_CEILING_DIRECTORIES: dirname(resolve(mirrorPath)),
      LC_ALL: 'C',
    }
    return { env, extendEnv: false }
  }

  /** The address for people: without user and password. */
  get shownUrl(): string {
    return withoutCredentials(this.options.repositoryUrl)
  }

  /** An error for people of one that `run` rejected with. */
  failure(code: string, message: string, error: unknown): Error {
    if (error instanceof ScmError || error === this.signal.reason) return error as Error
    return new ScmError(code, `${message}. git says: ${(error as Error).message}`)
  }
}

/** Whether git ended by itself, with a status: it says no. Anything else is a failure to ask. */
export function saysNo(error: unknown): boolean {
  return error instanceof GitFailure && error.status !== undefined
}
