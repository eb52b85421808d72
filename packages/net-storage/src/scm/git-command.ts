import { execFile } from 'node:child_process'
import { dirname, resolve } from 'node:path'
import { promisify } from 'node:util'
import { endOnAbort } from '../end-on-abort.js'
import { gitAccess, gitEnvironment, withoutCredentials } from 'shipit-capistrano'
import type { ScmOptions } from './scm.js'
import { ScmError } from './scm-error.js'

/** What Node says of a command that failed. */
interface GitFailure {
  /** Exit status, or a system's error. */
  readonly code?: number | string
  readonly stderr?: string | Buffer
}

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

  /** Its output, without the last line's end. Rejects with Node's error. */
  async run(args: readonly string[], cwd: string, input = ''): Promise<string> {
    return (await this.read(args, cwd, input)).toString('utf8').replace(/\n$/, '')
  }

  /** Its output. Rejects with Node's error, or what the signal was aborted with. */
  async read(args: readonly string[], cwd: string, input = ''): Promise<Buffer> {
    const { env, signal } = this
    signal.throwIfAborted()
    const options = { cwd, env, maxBuffer: MAX_OUTPUT, encoding: 'buffer' } as const
    const running = promisify(execFile)('git', args, options)
    endOnAbort(running.child, signal)
    // One that ends without reading it tells so by its status.
    running.child.stdin?.on('error', () => {}).end(input)
    try {
      return (await running).stdout
    } catch (error) {
      signal.throwIfAborted()
      throw error
    }
  }

  get signal(): AbortSignal {
    return this.options.signal()
  }

  get env(): NodeJS.ProcessEnv {
    const { repositoryUrl, mirrorPath, config = {} } = this.options
    const access = gitAccess(repositoryUrl)
    const inherited = Object.entries(process.env).filter(([name]) => !OF_ANOTHER_REPOSITORY.has(name))
    return {
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
  }

  /** The address for people: without user and password. */
  get shownUrl(): string {
    return withoutCredentials(this.options.repositoryUrl)
  }

  /** An error for people of one that `run` rejected with. */
  failure(code: string, message: string, error: unknown): Error {
    if (error instanceof ScmError || error === this.signal.reason) return error as Error
    const { stderr = '', code: status } = error as GitFailure
    // Node's own message holds the command.
    const said = withoutCredentials(String(stderr)).trim() || `status ${status ?? 'unknown'}`
    return new ScmError(code, `${message}. git says: ${said}`)
  }
}

/** Whether git ended by itself, with a status: it says no. Anything else is a failure to ask. */
export function saysNo(error: unknown): boolean {
  return typeof (error as GitFailure).code === 'number'
}
