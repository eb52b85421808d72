import { dirname, resolve } from 'node:path'
import {
  gitAccess,
  gitEnvironment,
  messageOf,
  runProgram,
  withoutCredentials,
  type ProgramContext,
} from 'shipit-capistrano'
import { GitFailure } from './git-failure.js'
import type { ScmOptions } from './scm.js'
import { ScmError } from './scm-error.js'

/** Bytes: a repository may have a huge number of references. */
const MAX_OUTPUT = 256 << 20

/** Sets up git-lfs like `git lfs install`, regardless of this machine's configuration. */
const LFS_FILTER = {
  'filter.lfs.process': 'git-lfs filter-process',
  'filter.lfs.smudge': 'git-lfs smudge -- %f',
  'filter.lfs.clean': 'git-lfs clean -- %f',
  'filter.lfs.required': 'true',
}

/** Variables that git sets for hooks of a repository, which may start a deploy. */
const REPOSITORY_VARIABLES = new Set([
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

/** Runs git with the repository's URL and settings in its environment. */
export class GitCommand {
  constructor(
    private readonly options: Pick<ScmOptions, 'repositoryUrl' | 'mirrorPath' | 'config' | 'signal'>,
  ) {}

  /** The URL that git gets: without user and password if it is http(s). */
  get url(): string {
    return gitAccess(this.options.repositoryUrl).url
  }

  /** Runs git, and returns its output without the final newline. @throws as {@link GitCommand.read} */
  async run(args: readonly string[], cwd: string, input = ''): Promise<string> {
    return (await this.read(args, cwd, input)).toString('utf8').replace(/\n$/, '')
  }

  /** Runs git, and returns its output. @throws {GitFailure}, or the signal's reason if it is cancelled */
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

  /** How git runs, in any folder. */
  get context(): ProgramContext {
    const { repositoryUrl, mirrorPath, config = {} } = this.options
    const access = gitAccess(repositoryUrl)
    const inherited = Object.entries(process.env).filter(([name]) => !REPOSITORY_VARIABLES.has(name))
    const env = {
      ...gitEnvironment({
        access,
        config: [...Object.entries(LFS_FILTER), ...Object.entries(config), ['remote.shipit.url', access.url]],
        env: Object.fromEntries(inherited),
      }),
      // A user may have set it to 1 for fast clones; pointer files would be deployed.
      GIT_LFS_SKIP_SMUDGE: '0',
      // If the mirror is broken, git must not fall back to the project's own repository, which contains it.
      GIT_CEILING_DIRECTORIES: dirname(resolve(mirrorPath)),
      LC_ALL: 'C',
    }
    return { env, extendEnv: false }
  }

  /** The URL for messages: without user and password. */
  get shownUrl(): string {
    return withoutCredentials(this.options.repositoryUrl)
  }

  /** Wraps an error of `run` or `read` for users. */
  failure(code: string, message: string, error: unknown): Error {
    if (error instanceof ScmError || error === this.signal.reason) return error as Error
    return new ScmError(code, `${message}. git says: ${messageOf(error)}`)
  }
}

/** Whether git exited by itself, with a negative answer as its status. Anything else is a failure to run it. */
export function answeredNo(error: unknown): boolean {
  return error instanceof GitFailure && error.status !== undefined
}
