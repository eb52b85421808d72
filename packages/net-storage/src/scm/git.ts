import { existsSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join, relative, resolve } from 'node:path'
import { unpackTree } from './git-archive.js'
import { GitCommand, saysNo } from './git-command.js'
import { fetchLfsFiles } from './git-lfs.js'
import { replaceFolder } from './replace-folder.js'
import { withSubmodules } from './git-submodules.js'
import { Scm, type ScmOptions } from './scm.js'
import { ScmError } from './scm-error.js'

const COMMIT_ID = /^[0-9a-f]{4,40}$/i

/**
 * git, through a bare mirror on the deploy machine. What is deployed is what `git archive` gives: `export-ignore` and
 * `export-subst` are honoured; files in Git LFS are the real ones. Mirrors capistrano-net_storage's `SCM::Git`.
 */
export class Git extends Scm {
  private readonly git: GitCommand

  private readonly options: ScmOptions

  constructor(options: ScmOptions) {
    super()
    this.git = new GitCommand(options)
    this.options = { ...options, repoTree: plain(options.repoTree) }
  }

  async check(branch: string): Promise<void> {
    const references = await this.references()
    if (references.size === 0) {
      throw new ScmError(
        'E_REPOSITORY_EMPTY',
        `The repository ${this.git.shownUrl} is empty: there is nothing to deploy. Push a commit first.`,
      )
    }
    if (candidates(branch).some((name) => references.has(name))) return
    if (!COMMIT_ID.test(branch)) throw this.noSuchBranch(branch, references)
    await this.update(branch)
    await this.resolve(branch)
  }

  async find(branch: string): Promise<string | undefined> {
    const references = await this.references()
    // `^{}` stands behind a tag's commit.
    const names = candidates(branch).flatMap((name) => [`${name}^{}`, name])
    return names.map((name) => references.get(name)).find((id) => id !== undefined)
  }

  async update(branch: string): Promise<void> {
    const { mirrorPath } = this.options
    try {
      await this.fetch(mirrorPath, branch)
    } catch {
      this.git.signal.throwIfAborted()
      // A git that was killed leaves locks, or worse, behind: the mirror is only a cache.
      await replaceFolder(mirrorPath, (anew) => this.fetch(anew, branch))
    }
  }

  /** Takes branches, tags (annotated ones too), `refs/…`, and commit ids; a branch before a tag of that name. */
  async resolve(branch: string): Promise<string> {
    for (const name of [...candidates(branch), ...(COMMIT_ID.test(branch) ? [branch] : [])]) {
      const args = ['rev-parse', '--verify', '--quiet', '--end-of-options', `${name}^{commit}`]
      const revision = await this.ask(args)
      if (revision === undefined) continue
      await this.checkTree(revision)
      return revision
    }
    throw this.noSuchBranch(branch, await this.references())
  }

  async commitTime(revision: string): Promise<number> {
    const args = ['log', '-1', '--format=%ct', '--end-of-options', revision]
    return Number(await this.git.run(args, this.options.mirrorPath))
  }

  async log(from: string, to: string, format: string): Promise<string> {
    if ((await this.ask(['cat-file', '-t', '--end-of-options', from])) === undefined) {
      throw new ScmError(
        'E_REPOSITORY',
        `Commit ${from}, which is deployed, is not in ${this.git.shownUrl}: its history does not reach back to it, or was rewritten. What came since can't be told.`,
      )
    }
    const args = ['log', `--format=${format}`, '--end-of-options', `${from}..${to}`]
    return this.git.run(args, this.options.mirrorPath)
  }

  async read(revision: string, path: string): Promise<Buffer | undefined> {
    const { mirrorPath, repoTree = '' } = this.options
    const object = `${revision}:${join(repoTree, path)}`
    if ((await this.ask(['cat-file', '-t', '--end-of-options', object])) !== 'blob') return undefined
    return this.git.read(['cat-file', 'blob', object], mirrorPath)
  }

  async extract(revision: string, directory: string): Promise<void> {
    const { mirrorPath, repoTree, submodules = false } = this.options
    const { git } = this
    const unpack = async (
      cwd: string,
      source: { readonly commit: string; readonly folder?: string | undefined; readonly remote: string },
      target: string,
    ): Promise<void> => {
      await fetchLfsFiles(git, { directory: cwd, ...source })
      await unpackTree({ ...source, cwd, directory: target, context: git.context, signal: git.signal })
    }
    try {
      await unpack(mirrorPath, { commit: revision, folder: repoTree, remote: 'shipit' }, directory)
      if (!submodules) return
      await withSubmodules({ git, mirrorPath, revision, repoTree }, async (found) => {
        for (const { path, directory: checkedOut } of found) {
          await unpack(
            checkedOut,
            { commit: 'HEAD', remote: 'origin' },
            join(directory, repoTree ? relative(repoTree, path) : path),
          )
        }
      })
    } catch (error) {
      throw git.failure('E_SCM', `Can't extract commit ${revision} into ${directory}`, error)
    }
  }

  override async checkOut(revision: string, directory: string): Promise<void> {
    const { mirrorPath, repoTree = '' } = this.options
    const { git } = this
    const path = resolve(directory)
    try {
      await git.run(['worktree', 'prune'], mirrorPath)
      await git.run(
        ['worktree', 'add', '--force', '--detach', '--no-checkout', '--quiet', path, revision],
        mirrorPath,
      )
      await git.run(['read-tree', repoTree ? `${revision}:${repoTree}` : revision], path)
    } catch (error) {
      throw git.failure('E_SCM', `Can't make a working copy of ${revision} in ${directory}`, error)
    }
    await this.extract(revision, directory)
    // What is meant to differ from the commit is no change: what `export-ignore` leaves out, the content of files in Git LFS.
    await git.run(['update-index', '-q', '--refresh'], path).catch(() => {})
    const changed = await git.run(['diff-files', '--name-only', '-z'], path)
    await git.run(['update-index', '-z', '--skip-worktree', '--stdin'], path, changed)
  }

  override async leave(directory: string): Promise<void> {
    const { mirrorPath } = this.options
    await rm(join(directory, '.git'), { force: true })
    await this.git.run(['worktree', 'prune'], mirrorPath)
  }

  private async checkTree(revision: string): Promise<void> {
    const { repoTree } = this.options
    if (!repoTree) return
    const type = await this.ask(['cat-file', '-t', '--end-of-options', `${revision}:${repoTree}`])
    if (type !== 'tree')
      throw new ScmError(
        'E_REPO_TREE',
        `netStorage.repoTree: commit ${revision} has no folder '${repoTree}'.`,
      )
  }

  /** What git answers of the mirror; undefined if it says that there is no such thing. */
  private async ask(args: readonly string[]): Promise<string | undefined> {
    try {
      return await this.git.run(args, this.options.mirrorPath)
    } catch (error) {
      if (saysNo(error)) return undefined
      throw error
    }
  }

  /** Commit ids by the names of references, as the repository has them now. */
  private async references(): Promise<ReadonlyMap<string, string>> {
    const { mirrorPath } = this.options
    await this.initialise(mirrorPath)
    try {
      const listed = await this.git.run(['ls-remote', 'shipit'], mirrorPath)
      return new Map(
        listed.split('\n').flatMap((line) => {
          const [id, name] = line.split('\t')
          return id !== undefined && name !== undefined ? [[name, id]] : []
        }),
      )
    } catch (error) {
      throw this.git.failure(
        'E_REPOSITORY',
        `Can't read the repository ${this.git.shownUrl}: check repositoryUrl, the network, and your access`,
        error,
      )
    }
  }

  private async initialise(directory: string): Promise<void> {
    if (existsSync(`${directory}/HEAD`)) return
    const init = ['init', '--quiet', '--bare', '--template=']
    await replaceFolder(directory, async (anew) => void (await this.git.run(init, anew)))
  }

  private async fetch(directory: string, branch: string): Promise<void> {
    await this.initialise(directory)
    const wanted = ['+refs/heads/*:refs/heads/*', '+refs/tags/*:refs/tags/*']
    if (branch.startsWith('refs/')) wanted.push(`+${branch}:${branch}`)
    // A repository that is a shallow clone itself, as CI has: without `--update-shallow`, git skips its branches with a
    // warning and status 0, and what the mirror had before would be deployed.
    const options = ['--quiet', '--prune', '--force', '--no-tags', '--update-shallow']
    const args = ['fetch', ...options, 'shipit', ...wanted]
    try {
      await this.git.run(args, directory)
    } catch (error) {
      const url = this.git.shownUrl
      throw this.git.failure('E_REPOSITORY', `Can't fetch from the repository ${url}`, error)
    }
  }

  private noSuchBranch(branch: string, references: ReadonlyMap<string, string>): ScmError {
    const branches = [...references.keys()].flatMap((name) => /^refs\/heads\/(.+)$/.exec(name)?.[1] ?? [])
    const some = branches.slice(0, 10).join(', ') + (branches.length > 10 ? ', …' : '')
    return new ScmError(
      'E_BRANCH',
      `There is no branch, tag or commit '${branch}' in ${this.git.shownUrl}. Its branches: ${some || 'none'}.`,
    )
  }
}

/** A folder as git writes it. */
function plain(folder = ''): string | undefined {
  const names = folder.split('/').filter((name) => name !== '' && name !== '.')
  return names.join('/') || undefined
}

function candidates(branch: string): string[] {
  return branch.startsWith('refs/') ? [branch] : [`refs/heads/${branch}`, `refs/tags/${branch}`]
}
