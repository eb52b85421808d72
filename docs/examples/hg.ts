import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { Scm, ScmError, type ScmOptions } from 'shipit-net-storage'

/**
 * Mercurial. A branch is a named branch, a tag, or a commit's id. Process lists show the address, so a password belongs in
 * the `[auth]` section of Mercurial's configuration, not in `repositoryUrl`.
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
    const message = `The repository ${this.shownUrl} is empty: there is nothing to deploy. Push a commit first.`
    throw new ScmError('E_REPOSITORY_EMPTY', message)
  }

  async update(branch: string): Promise<void> {
    const newest = await this.find(branch)
    try {
      await this.pull(this.options.mirrorPath)
      await this.hg(['verify', '--quiet'], this.options.mirrorPath)
      // What is no longer in the repository stays in a copy, and would be taken for the newest.
      if (newest !== (await this.lookUp(branch, this.options.mirrorPath)))
        throw new Error('history was rewritten')
    } catch (error) {
      if (this.options.signal().aborted) throw error
      const anew = `${resolve(this.options.mirrorPath)}.new`
      await rm(anew, { recursive: true, force: true })
      await this.pull(anew).catch((reason) => {
        throw this.error('E_REPOSITORY', `Can't pull from the repository ${this.shownUrl}`, reason)
      })
      await rm(this.options.mirrorPath, { recursive: true, force: true })
      await rename(anew, this.options.mirrorPath)
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

  /** The commit that a name stands for: not an expression, of which Mercurial knows many. */
  private async lookUp(name: string, repository: string): Promise<string | undefined> {
    const args = ['identify', '--debug', '--id', `--rev=${name}`, '--', repository]
    return this.hg(args).catch(() => undefined)
  }

  /** All files of a commit that a path stands for. */
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
    // Without strict flags, a name could be taken for an option.
    const env = { ...process.env, HGPLAIN: '+strictflags', HGENCODING: 'utf-8' }
    const where = cwd ? ['--repository', resolve(cwd), '--cwd', cwd] : []
    const { stdout } = await promisify(execFile)('hg', [...where, ...settings, '--noninteractive', ...args], {
      env,
      encoding: 'buffer',
      maxBuffer: 256 << 20,
      signal: this.options.signal(),
    })
    return stdout
  }

  private get shownUrl(): string {
    return this.options.repositoryUrl.replace(/:\/\/[^/\s]*@/, '://')
  }

  private noBranch(branch: string): ScmError {
    return new ScmError(
      'E_BRANCH',
      `There is no branch, bookmark, tag or commit '${branch}' in ${this.shownUrl}.`,
    )
  }

  private error(code: string, message: string, error: unknown): Error {
    if (error instanceof ScmError) return error
    const { stderr = '' } = error as { readonly stderr?: Buffer | string }
    const said = stderr.toString().trim()
    return new ScmError(code, `${message}. hg says: ${said.replace(/:\/\/[^/\s]*@/g, '://')}`)
  }
}
