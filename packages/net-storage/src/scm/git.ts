import { execFile } from 'node:child_process'
import { mkdir, rename, rm, stat } from 'node:fs/promises'
import { join, relative, resolve } from 'node:path'
import { promisify } from 'node:util'
import { unpackTree } from './git-archive.js'
import { ScmError } from './scm-error.js'

/** Options of {@link Git}. */
export interface GitOptions {
  /** Whatever `git fetch` takes. */
  readonly repositoryUrl: string
  /** Folder of the bare mirror; made when it is missing. */
  readonly mirrorPath: string
  /** More git configuration: `{ 'http.proxy': '…' }`. shipit-deploy's `gitConfig`. @default none */
  readonly config?: Readonly<Record<string, string>> | undefined
  /** Gives up what is under way. */
  readonly signal: () => AbortSignal
}

/** Options of {@link Git.extract}. */
export interface ExtractOptions {
  /** Only what is below this folder. @default the whole commit */
  readonly repoTree?: string | undefined
  /** Submodules as well, and those of submodules. @default false */
  readonly submodules?: boolean | undefined
}

/** What Node says of a command that failed. */
interface GitError {
  /** Exit status, or a system's error. */
  readonly code?: number | string
  readonly stderr?: string
}

/** Bytes: a repository may have very many references. */
const MAX_OUTPUT = 256 << 20

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
      const anew = `${resolve(mirrorPath)}.new`
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
      const args = ['rev-parse', '--verify', '--quiet', '--end-of-options', `${name}^{commit}`]
      try {
        return await this.git(args, this.options.mirrorPath)
      } catch (error) {
        // Status 1: there is no such thing.
        if (typeof (error as GitError).code !== 'number') throw error
      }
    }
    throw this.noSuchBranch(branch, await this.references())
  }

  /** Proves that a commit has a folder. @throws {ScmError} `E_REPO_TREE` */
  async checkTree(revision: string, repoTree: string): Promise<void> {
    const args = ['cat-file', '-t', '--end-of-options', `${revision}:${repoTree}`]
    const type = await this.git(args, this.options.mirrorPath).catch((error: unknown) => {
      if (typeof (error as GitError).code !== 'number') throw error
      return undefined
    })
    if (type !== 'tree')
      throw new ScmError(
        'E_REPO_TREE',
        `netStorage.repoTree: commit ${revision} has no folder '${repoTree}'.`,
      )
  }

  /** When a commit was made, in seconds since 1970. */
  async commitTime(revision: string): Promise<number> {
    const args = ['log', '-1', '--format=%ct', '--end-of-options', revision]
    return Number(await this.git(args, this.options.mirrorPath))
  }

  /** Commits between two revisions, newest first, as `git log` formats them. */
  async log(from: string, to: string, format: string): Promise<string> {
    const args = ['log', `--format=${format}`, '--end-of-options', `${from}..${to}`]
    return this.git(args, this.options.mirrorPath)
  }

  /** Writes a commit's files, as `git archive` has them, into a folder. */
  async extract(
    revision: string,
    directory: string,
    { repoTree, submodules = false }: ExtractOptions = {},
  ): Promise<void> {
    const { mirrorPath, signal } = this.options
    const unpack = (cwd: string, tree: string, target: string): Promise<void> =>
      unpackTree({ cwd, tree, directory: target, env: this.env, signal: signal() })
    try {
      await unpack(mirrorPath, repoTree ? `${revision}:${repoTree}` : revision, directory)
      if (submodules) {
        await this.inWorktree(revision, async (worktree) => {
          for (const path of await this.checkOutSubmodules(worktree, repoTree)) {
            const target = join(directory, repoTree ? relative(repoTree, path) : path)
            await unpack(join(worktree, path), 'HEAD', target)
          }
        })
      }
    } catch (error) {
      throw this.failure('E_SCM', `Can't extract commit ${revision} into ${directory}`, error)
    }
  }

  /** Runs something with a commit checked out beside the mirror. */
  private async inWorktree(revision: string, run: (worktree: string) => Promise<void>): Promise<void> {
    const { mirrorPath } = this.options
    const worktree = resolve(`${mirrorPath}.worktree`)
    const remove = async (): Promise<void> => {
      await rm(worktree, { recursive: true, force: true })
      await this.git(['worktree', 'prune'], mirrorPath)
    }
    await remove()
    try {
      await this.git(['worktree', 'add', '--detach', '--quiet', worktree, revision], mirrorPath)
      await run(worktree)
    } finally {
      await remove()
    }
  }

  /** Checks out submodules, those of submodules too, and returns their paths. */
  private async checkOutSubmodules(worktree: string, repoTree: string | undefined): Promise<string[]> {
    const below = repoTree ? ['--', repoTree] : []
    await this.git(['submodule', '--quiet', 'update', '--init', '--recursive', ...below], worktree)
    const listed = await this.git(
      ['submodule', '--quiet', 'foreach', '--recursive', 'printf "%s\\0" "$displaypath"'],
      worktree,
    )
    const inside = (path: string): boolean => !repoTree || path.startsWith(`${repoTree}/`)
    return listed.split('\0').filter((path) => path !== '' && inside(path))
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
      const listed = await this.git(['ls-remote', 'shipit'], mirrorPath)
      return new Map(
        listed.split('\n').flatMap((line) => {
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
    if (!(await exists(`${directory}/HEAD`))) await this.git(['init', '--quiet', '--bare'], directory)
  }

  private async fetch(directory: string, branch: string): Promise<void> {
    await this.initialise(directory)
    const wanted = ['+refs/heads/*:refs/heads/*', '+refs/tags/*:refs/tags/*']
    if (branch.startsWith('refs/')) wanted.push(`+${branch}:${branch}`)
    try {
      await this.git(['fetch', '--quiet', '--prune', '--force', '--no-tags', 'shipit', ...wanted], directory)
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

  private async git(args: readonly string[], cwd: string): Promise<string> {
    const { stdout } = await promisify(execFile)('git', args, {
      cwd,
      signal: this.options.signal(),
      maxBuffer: MAX_OUTPUT,
      env: this.env,
    })
    return stdout.replace(/\n$/, '')
  }

  /** In the environment, an address that holds a password is neither in a process list nor in a file. */
  private get env(): NodeJS.ProcessEnv {
    const { repositoryUrl, config = {} } = this.options
    // Relative addresses of submodules start from the one of `origin`.
    const all = Object.entries({
      ...config,
      'remote.shipit.url': repositoryUrl,
      'remote.origin.url': repositoryUrl,
    })
    return {
      ...process.env,
      GIT_TERMINAL_PROMPT: '0',
      GIT_CONFIG_COUNT: String(all.length),
      ...Object.fromEntries(
        all.flatMap(([key, value], index) => [
          [`GIT_CONFIG_KEY_${index}`, key],
          [`GIT_CONFIG_VALUE_${index}`, value],
        ]),
      ),
      LC_ALL: 'C',
    }
  }

  private failure(code: string, message: string, error: unknown): ScmError {
    const { stderr = '', code: status } = error as GitError
    // Node's own message holds the command.
    const said = withoutCredentials(stderr).trim() || `status ${status ?? 'unknown'}`
    return new ScmError(code, `${message}. git says: ${said}`)
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
