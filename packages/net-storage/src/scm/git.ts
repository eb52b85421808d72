import { existsSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join, parse, relative, resolve } from 'node:path'
import { unpackTree } from './git-archive.js'
import { answeredNo, GitCommand } from './git-command.js'
import { fetchLfsFiles } from './git-lfs.js'
import { replaceFolder } from './replace-folder.js'
import { withSubmodules } from './git-submodules.js'
import { Scm, type ScmOptions } from './scm.js'
import { ScmError } from './scm-error.js'

const COMMIT_ID = /^[0-9a-f]{4,40}$/i

/**
 * git, through a bare mirror on the deploy machine. Deploys the output of `git archive`: `export-ignore` and
 * `export-subst` are honoured; Git LFS files have their real content. Mirrors capistrano-net_storage's `SCM::Git`.
 */
export class Git extends Scm {
  private readonly git: GitCommand

  /** Names of the files in folders of commits that were read. */
  private readonly files = new Map<string, Promise<ReadonlySet<string>>>()

  private readonly options: ScmOptions

  constructor(options: ScmOptions) {
    super()
    this.git = new GitCommand(options)
    this.options = { ...options, repoTree: normalised(options.repoTree) }
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
    // `^{}` marks the commit of an annotated tag.
    const names = candidates(branch).flatMap((name) => [`${name}^{}`, name])
    return names.map((name) => references.get(name)).find((id) => id !== undefined)
  }

  async update(branch: string): Promise<void> {
    const { mirrorPath } = this.options
    try {
      await this.fetch(mirrorPath, branch)
    } catch {
      this.git.signal.throwIfAborted()
      // A killed git leaves locks or worse: recreate the mirror, which is only a cache.
      await replaceFolder(mirrorPath, (replacement) => this.fetch(replacement, branch))
    }
  }

  /** Accepts branches, tags (also annotated ones), `refs/…`, and commit ids; prefers a branch to a tag of the same name. */
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
        `The deployed commit ${from} is not in ${this.git.shownUrl}: its history is shallow, or was rewritten. The commits since then can't be listed.`,
      )
    }
    const args = ['log', `--format=${format}`, '--end-of-options', `${from}..${to}`]
    return this.git.run(args, this.options.mirrorPath)
  }

  async read(revision: string, path: string): Promise<Buffer | undefined> {
    const { mirrorPath, repoTree = '' } = this.options
    const { dir, base } = parse(join(repoTree, path))
    const folder = `${revision}:${dir}`
    const files = this.files.get(folder) ?? this.filesIn(folder)
    this.files.set(folder, files)
    if (!(await files).has(base)) return undefined
    return this.git.read(['cat-file', 'blob', `${folder}${dir && '/'}${base}`], mirrorPath)
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
    // Hide intended differences from the commit: files excluded by `export-ignore`, and the content of Git LFS files.
    await git.run(['update-index', '-q', '--refresh'], path).catch(() => {})
    const changed = await git.run(['diff-files', '--name-only', '-z'], path)
    await git.run(['update-index', '-z', '--skip-worktree', '--stdin'], path, changed)
  }

  override async leave(directory: string): Promise<void> {
    const { mirrorPath } = this.options
    await rm(join(directory, '.git'), { force: true })
    await this.git.run(['worktree', 'prune'], mirrorPath)
  }

  /** Names of a folder's files; none if there is no such folder. */
  private async filesIn(folder: string): Promise<ReadonlySet<string>> {
    const listed = (await this.ask(['ls-tree', '-z', '--end-of-options', folder])) ?? ''
    return new Set(listed.split('\0').flatMap((entry) => /^\d+ blob [^\t]*\t(.*)$/s.exec(entry)?.[1] ?? []))
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

  /** Queries the mirror; undefined if git answers that the object does not exist. */
  private async ask(args: readonly string[]): Promise<string | undefined> {
    try {
      return await this.git.run(args, this.options.mirrorPath)
    } catch (error) {
      if (answeredNo(error)) return undefined
      throw error
    }
  }

  /** The remote repository's current references: commit ids by name. */
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
    await replaceFolder(directory, async (replacement) => void (await this.git.run(init, replacement)))
  }

  private async fetch(directory: string, branch: string): Promise<void> {
    await this.initialise(directory)
    const wanted = ['+refs/heads/*:refs/heads/*', '+refs/tags/*:refs/tags/*']
    if (branch.startsWith('refs/')) wanted.push(`+${branch}:${branch}`)
    // The repository may be a shallow clone, as in CI: without `--update-shallow`, git skips its branches with a warning
    // and status 0, and the mirror's old commit would be deployed.
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

/** A folder in git's notation. */
function normalised(folder = ''): string | undefined {
  const names = folder.split('/').filter((name) => name !== '' && name !== '.')
  return names.join('/') || undefined
}

function candidates(branch: string): string[] {
  return branch.startsWith('refs/') ? [branch] : [`refs/heads/${branch}`, `refs/tags/${branch}`]
}
