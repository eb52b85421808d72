import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, posix, resolve } from 'node:path'
import { DeployError, runProgram, whyFailed } from 'shipit-capistrano'
import { isFolder } from './file-kind.js'

/** What of the workspace is deployed: shipit-deploy's `dirToCopy` and `ignores`, which rsync itself reads. */
export class Selection {
  private readonly folder: string
  private readonly ignores: readonly string[]

  /** @param settings the environment's config */
  constructor(settings: {
    readonly dirToCopy?: string | undefined
    readonly ignores?: readonly string[] | undefined
  }) {
    this.folder = posix.normalize(`./${settings.dirToCopy ?? ''}`).replace(/^\.?\/*|\/+$/g, '')
    this.ignores = settings.ignores ?? []
  }

  /** For people, and to tell archives apart; null for all of it. */
  get identity(): { readonly dirToCopy: string | null; readonly ignores: string | null } {
    return {
      dirToCopy: this.folder || null,
      ignores: this.ignores.length > 0 ? JSON.stringify(this.ignores) : null,
    }
  }

  /** Proves that this machine can select. @throws {DeployError} `E_IGNORES` if rsync is missing */
  async check(): Promise<void> {
    if (this.ignores.length > 0) await rsync(['--version'])
  }

  /** The settings that leave a folder of the workspace out, in words; undefined if it is deployed. */
  async leavesOut(path: string): Promise<string | undefined> {
    if (this.folder && !`${path}/`.startsWith(`${this.folder}/`)) return `dirToCopy is '${this.folder}'`
    if (this.ignores.length === 0) return undefined
    // rsync is asked about a file in the folder: patterns are its own.
    const probe = await mkdtemp(join(tmpdir(), 'shipit-ignores-'))
    try {
      const file = join(posix.relative(this.folder, path), 'package/file')
      await mkdir(join(probe, dirname(file)), { recursive: true })
      await writeFile(join(probe, file), '')
      const listed = await rsync(['--recursive', '--list-only', ...this.excludes, '--', `${probe}/`])
      return listed.split('\n').some((line) => line.endsWith(` ${file}`))
        ? undefined
        : `ignores leaves out ${path}`
    } finally {
      await rm(probe, { recursive: true, force: true })
    }
  }

  /**
   * The folder to pack: of the workspace itself, or with links to its files.
   * @param target folder that may be made for that
   * @throws {DeployError} `E_WORKSPACE` if there is no such folder; `E_IGNORES` if rsync fails
   */
  async select(workspace: string, target: string): Promise<string> {
    const source = resolve(workspace, this.folder)
    if (!(await isFolder(source))) {
      throw new DeployError(
        'E_WORKSPACE',
        `dirToCopy: there is no folder '${this.folder}' in the workspace; correct it, or see what should make it.`,
      )
    }
    if (this.ignores.length === 0) return source
    await rm(target, { recursive: true, force: true })
    // The same files, by hard links: nothing is copied.
    await rsync([
      '--archive',
      `--link-dest=${source}`,
      ...this.excludes,
      '--',
      `${source}/`,
      `${resolve(target)}/`,
    ])
    return target
  }

  private get excludes(): string[] {
    return this.ignores.map((pattern) => `--exclude=${pattern}`)
  }
}

async function rsync(args: readonly string[]): Promise<string> {
  const outcome = await runProgram(['rsync', ...args])
  if (!outcome.failed) return outcome.stdout
  throw new DeployError(
    'E_IGNORES',
    outcome.code === 'ENOENT'
      ? 'ignores: rsync is not on this machine, and its patterns are for rsync: install it.'
      : `ignores: rsync failed: ${whyFailed(outcome)}`,
  )
}
