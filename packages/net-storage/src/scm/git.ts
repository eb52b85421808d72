import { mkdir, rename, rm, stat } from 'node:fs/promises'
import { resolve as resolvePath } from 'node:path'
import { execa, ExecaError } from 'execa'
import { ScmError } from './scm-error.js'

/** Options of {@link Git}. */
export interface GitOptions {
  /** Whatever `git fetch` takes. */
  readonly repositoryUrl: string
  /** Folder of the bare mirror; made when it is missing. */
  readonly mirrorPath: string
  /** Gives up what is under way. */
  readonly signal: () => AbortSignal
}

const COMMIT_ID = /^[0-9a-f]{4,40}$/i

/**
 * The repository, through a bare mirror on the deploy machine. Mirrors capistrano-net_storage's `SCM::Git`.
 * All methods reject with {@link ScmError}.
 */
export class Git {
  constructor(private readonly options: GitOptions) {}

  /** Proves, without touching the mirror where it can, that the repository is there and has `branch`. */
  async check(branch: string): Promise<void> {
    const references = await this.references()
    if (references.length === 0) {
      throw new ScmError(
        'E_REPOSITORY_EMPTY',
        `The repository ${this.shownUrl} is empty: there is nothing to deploy. Push a commit first.`,
      )
    }
    if (candidates(branch).some((name) => references.includes(name))) return
    if (!COMMIT_ID.test(branch)) throw this.noSuchBranch(branch, references)
    await this.update(branch)
    await this.resolve(branch)
  }

  /** Brings the mirror up to date. */
  async update(branch: string): Promise<void> {
    const { mirrorPath } = this.options
    await mkdir(mirrorPath, { recursive: true })
    try {
      await this.fetch(mirrorPath, branch)
    } catch (error) {
      if (this.options.signal().aborted) throw error
      // A git that was killed leaves locks, or worse, behind: the mirror is only a cache.
      const anew = `${resolvePath(mirrorPath)}.new`
      await rm(anew, { recursive: true, force: true })
      await mkdir(anew)
      await this.fetch(anew, branch)
      await rm(mirrorPath, { recursive: true, force: true })
      await rename(anew, mirrorPath)
    }
  }

  /** The full commit id of a branch, tag (annotated ones too), `refs/…`, or commit id; a branch before a tag of that name. */
  async resolve(branch: string): Promise<string> {
    for (const name of [...candidates(branch), ...(COMMIT_ID.test(branch) ? [branch] : [])]) {
      const { stdout, exitCode } = await this.git(
        ['rev-parse', '--verify', '--quiet', '--end-of-options', `${name}^{commit}`],
        { cwd: this.options.mirrorPath, reject: false },
      )
      if (exitCode === 0) return stdout.trim()
    }
    throw this.noSuchBranch(branch, await this.references())
  }

  /** When a commit was made, in seconds since 1970. */
  async commitTime(revision: string): Promise<number> {
    const { stdout } = await this.git(['log', '-1', '--format=%ct', '--end-of-options', revision], {
      cwd: this.options.mirrorPath,
    })
    return Number(stdout)
  }

  /** Commits between two revisions, newest first, as `git log` formats them. */
  async log(from: string, to: string, format: string): Promise<string> {
    const { stdout } = await this.git(['log', `--format=${format}`, '--end-of-options', `${from}..${to}`], {
      cwd: this.options.mirrorPath,
    })
    return stdout
  }

  /** Writes a commit's files, as `git archive` has them, into a folder. */
  async extract(revision: string, directory: string): Promise<void> {
    await mkdir(directory, { recursive: true })
    try {
      await execa('git', ['-c', 'tar.umask=0022', 'archive', '--format=tar', revision], {
        cwd: this.options.mirrorPath,
        cancelSignal: this.options.signal(),
        buffer: { stdout: false },
        stripFinalNewline: false,
      }).pipe('tar', ['-xpf', '-', '-C', resolvePath(directory)])
    } catch (error) {
      throw this.failure('E_SCM', `Can't extract commit ${revision} into ${directory}`, error)
    }
  }

  private get shownUrl(): string {
    return withoutCredentials(this.options.repositoryUrl)
  }

  /** The commit id of a branch or tag as the repository has it now, without fetching; undefined for a commit id. */
  async find(branch: string): Promise<string | undefined> {
    const references = await this.remoteReferences()
    const names = candidates(branch).flatMap((name) => [`${name}^{}`, name])
    return names.map((name) => references.get(name)).find((id) => id !== undefined)
  }

  private async references(): Promise<string[]> {
    return [...(await this.remoteReferences()).keys()]
  }

  /** Commit ids by the names of references; `^{}` stands behind a tag's commit. */
  private async remoteReferences(): Promise<ReadonlyMap<string, string>> {
    const { mirrorPath } = this.options
    await this.initialise(mirrorPath)
    try {
      const { stdout } = await this.git(['ls-remote', 'shipit'], { cwd: mirrorPath })
      return new Map(
        stdout.split('\n').flatMap((line) => {
          const [id, name] = line.split('\t')
          return id !== undefined && name !== undefined ? [[name, id]] : []
        }),
      )
    } catch (error) {
      throw this.failure(
        'E_REPOSITORY',
        `Can't read the repository ${this.shownUrl}: check repositoryUrl, the network, and your access`,
        error,
      )
    }
  }

  private async initialise(directory: string): Promise<void> {
    await mkdir(directory, { recursive: true })
    if (!(await exists(`${directory}/HEAD`)))
      await this.git(['init', '--quiet', '--bare'], { cwd: directory })
  }

  private async fetch(directory: string, branch: string): Promise<void> {
    await this.initialise(directory)
    const wanted = ['+refs/heads/*:refs/heads/*', '+refs/tags/*:refs/tags/*']
    if (branch.startsWith('refs/')) wanted.push(`+${branch}:${branch}`)
    try {
      await this.git(['fetch', '--quiet', '--prune', '--force', '--no-tags', 'shipit', ...wanted], {
        cwd: directory,
      })
    } catch (error) {
      throw this.failure('E_REPOSITORY', `Can't fetch from the repository ${this.shownUrl}`, error)
    }
  }

  private noSuchBranch(branch: string, references: readonly string[]): ScmError {
    const branches = references.flatMap((name) => /^refs\/heads\/(.+)$/.exec(name)?.[1] ?? [])
    const some = branches.slice(0, 10).join(', ') + (branches.length > 10 ? ', …' : '')
    return new ScmError(
      'E_BRANCH',
      `There is no branch, tag or commit '${branch}' in ${this.shownUrl}. Its branches: ${some || 'none'}.`,
    )
  }

  private git(args: readonly string[], options: { cwd: string; reject?: boolean }) {
    return execa('git', args, {
      ...options,
      cancelSignal: this.options.signal(),
      stdin: 'ignore',
      // In the environment, an address that holds a password is neither in a process list nor in a file.
      env: {
        GIT_TERMINAL_PROMPT: '0',
        GIT_CONFIG_COUNT: '1',
        GIT_CONFIG_KEY_0: 'remote.shipit.url',
        GIT_CONFIG_VALUE_0: this.options.repositoryUrl,
        LC_ALL: 'C',
      },
    })
  }

  private failure(code: string, message: string, error: unknown): ScmError {
    if (!(error instanceof ExecaError))
      return new ScmError(code, `${message}: ${String(error)}`, { cause: error })
    const said = withoutCredentials(error.stderr ?? '').trim()
    return new ScmError(
      code,
      `${message}. git says: ${said || error.originalMessage || `status ${error.exitCode}`}`,
    )
  }
}

function candidates(branch: string): string[] {
  return branch.startsWith('refs/') ? [branch] : [`refs/heads/${branch}`, `refs/tags/${branch}`]
}

function withoutCredentials(text: string): string {
  return text.replaceAll(/(\w+:\/\/)[^@/\s]*@/g, '$1')
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}
