import { existsSync } from 'node:fs'
import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { runProgram, whyFailed, withoutCredentials } from 'shipit-capistrano'
import { Scm, ScmError, type ScmOptions } from 'shipit-net-storage'

/**
 * Mercurial. A branch is a named branch, a tag, or a commit id. Process lists show the URL, so put a password in the `[auth]`
 * section of Mercurial's configuration, not in `repositoryUrl`.
 */
export class Hg extends Scm {
  private readonly repoTree: string

  constructor(private readonly options: ScmOptions) {
    super()
    this.repoTree = join(options.repoTree ?? '', '.').replace(/\/$/, '')
  }

  async check(branch: string): Promise<void> {
    if ((await this.find(branch)) === undefined) throw this.noBranch(branch)
  }

  async find(branch: string): Promise<string | undefined> {
    const { repositoryUrl } = this.options
    const found = await this.lookUp(branch, repositoryUrl)
    if (found !== undefined) return found
    const newest = await this.hg(['identify', '--id', '--', repositoryUrl]).catch((error) => {
      throw this.error('E_REPOSITORY', `Can't read the repository ${this.shownUrl}`, error)
    })
    if (!/^0+$/.test(newest)) return undefined
    const message = `The repository ${this.shownUrl} is empty. Push a commit first.`
    throw new ScmError('E_REPOSITORY_EMPTY', message)
  }

  async update(branch: string): Promise<void> {
    const newest = await this.find(branch)
    try {
      await this.pull(this.options.mirrorPath)
      await this.hg(['verify', '--quiet'], this.options.mirrorPath)
      // Pulling keeps commits that were removed from the repository, and one of them could count as the newest.
      if (newest !== (await this.lookUp(branch, this.options.mirrorPath)))
        throw new Error('history was rewritten')
    } catch (error) {
      if (this.options.signal().aborted) throw error
      const fresh = `${resolve(this.options.mirrorPath)}.new`
      await rm(fresh, { recursive: true, force: true })
      await this.pull(fresh).catch((reason) => {
        throw this.error('E_REPOSITORY', `Can't pull from the repository ${this.shownUrl}`, reason)
      })
      await rm(this.options.mirrorPath, { recursive: true, force: true })
      await rename(fresh, this.options.mirrorPath)
    }
  }

  async resolve(branch: string): Promise<string> {
    const revision = await this.lookUp(branch, this.options.mirrorPath)
    if (revision === undefined) throw this.noBranch(branch)
    const { repoTree } = this
    if (
      repoTree !== '.' &&
      !(await this.files(revision, repoTree)).some((file) => file.startsWith(`${repoTree}/`))
    )
      throw new ScmError(
        'E_REPO_TREE',
        `netStorage.repoTree: commit ${revision} has no folder '${repoTree}'.`,
      )
    return revision
  }

  async commitTime(revision: string): Promise<number> {
    const date = await this.hg(
      ['log', '--rev', revision, '--template', '{date|hgdate}'],
      this.options.mirrorPath,
    )
    return Number(date.split(' ')[0])
  }

  async log(from: string, to: string, format: string): Promise<string> {
    const range = `reverse(only(${to}, ${from}))`
    return this.hg(['log', '--rev', range, '--template', format], this.options.mirrorPath)
  }

  async read(revision: string, path: string): Promise<Buffer | undefined> {
    const file = join(this.repoTree, path)
    if (!(await this.files(revision, file)).includes(file)) return undefined
    return this.output(['cat', '--rev', revision, '--', `path:${file}`], this.options.mirrorPath)
  }

  async extract(revision: string, directory: string): Promise<void> {
    const { repoTree } = this
    const whole = `${resolve(directory)}.whole`
    await rm(whole, { recursive: true, force: true })
    try {
      const only = repoTree === '.' ? [] : ['--include', `path:${repoTree}`]
      const args = ['archive', '--type', 'files', '--rev', revision]
      await this.hg([...args, ...only, '--', whole], this.options.mirrorPath)
      await mkdir(join(directory, '..'), { recursive: true })
      await rename(join(whole, repoTree), directory)
    } catch (error) {
      throw this.error('E_SCM', `Can't extract commit ${revision} into ${directory}`, error)
    } finally {
      await rm(whole, { recursive: true, force: true })
    }
  }

  private async pull(directory: string): Promise<void> {
    await mkdir(directory, { recursive: true })
    if (!existsSync(join(directory, '.hg'))) await this.hg(['init', '--', directory])
    const paths = `[paths]\ndefault = ${this.options.repositoryUrl}\n`
    await writeFile(join(directory, '.hg/hgrc'), paths, { mode: 0o600 })
    await this.hg(['pull', '--quiet'], directory)
  }

  /** Resolves a name to its commit, never one of Mercurial's revset expressions. */
  private async lookUp(name: string, repository: string): Promise<string | undefined> {
    const args = ['identify', '--debug', '--id', `--rev=${name}`, '--', repository]
    return this.hg(args).catch(() => undefined)
  }

  /** The files of a commit at or below a path. */
  private async files(revision: string, path: string): Promise<string[]> {
    const args = ['files', '--rev', revision, '--print0', '--', `path:${path}`]
    const found = await this.hg(args, this.options.mirrorPath).catch(() => '')
    return found.split('\0')
  }

  private async hg(args: readonly string[], cwd?: string): Promise<string> {
    return (await this.output(args, cwd)).toString('utf8').trim()
  }

  private async output(args: readonly string[], cwd?: string): Promise<Buffer> {
    const settings = Object.entries({ 'ui.archivemeta': 'false', ...this.options.config }).flatMap(
      ([name, value]) => ['--config', `${name}=${value}`],
    )
    // Without strict flags, a name could be parsed as an option.
    const env = { HGPLAIN: '+strictflags', HGENCODING: 'utf-8' }
    const where = cwd ? ['--repository', resolve(cwd), '--cwd', cwd] : []
    const command = ['hg', ...where, ...settings, '--noninteractive', ...args] as const
    const signal = this.options.signal()
    const outcome = await runProgram(command, { env, encoding: 'buffer', maxBuffer: 256 << 20, signal })
    if (outcome.failed) throw new Error(withoutCredentials(whyFailed(outcome)))
    return Buffer.from(outcome.stdout)
  }

  private get shownUrl(): string {
    return withoutCredentials(this.options.repositoryUrl)
  }

  private noBranch(branch: string): ScmError {
    return new ScmError('E_BRANCH', `${this.shownUrl} has no branch, bookmark, tag or commit '${branch}'.`)
  }

  private error(code: string, message: string, error: unknown): Error {
    if (error instanceof ScmError || error === this.options.signal().reason) return error as Error
    return new ScmError(code, `${message}. hg says: ${(error as Error).message}`)
  }
}
