import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, posix, resolve } from 'node:path'
import { DeployError, runProgram, whyFailed } from 'shipit-capistrano'
import { isFolder } from './file-kind.js'

/** Which part of the workspace is deployed: shipit-deploy's `dirToCopy` and `ignores`, whose patterns rsync interprets. */
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

  /** For messages, and to distinguish archives; null if nothing is left out. */
  get identity(): { readonly dirToCopy: string | null; readonly ignores: string | null } {
    return {
      dirToCopy: this.folder || null,
      ignores: this.ignores.length > 0 ? JSON.stringify(this.ignores) : null,
    }
  }

  /** @throws {DeployError} `E_IGNORES` if rsync is needed and missing */
  async check(): Promise<void> {
    if (this.ignores.length > 0) await rsync(['--version'])
  }

  /** Why a folder of the workspace is left out, for messages; undefined if it is deployed. */
  async leavesOut(path: string): Promise<string | undefined> {
    if (this.folder && !`${path}/`.startsWith(`${this.folder}/`)) return `dirToCopy is '${this.folder}'`
    if (this.ignores.length === 0) return undefined
    // Only rsync can interpret the patterns: let it list a file in the folder.
    const probe = await mkdtemp(join(tmpdir(), 'shipit-ignores-'))
    try {
      const file = join(posix.relative(this.folder, path), 'package/file')
      await mkdir(join(probe, dirname(file)), { recursive: true })
      await writeFile(join(probe, file), '')
      const listed = await rsync(['--recursive', '--list-only', ...this.excludes, '--', `${probe}/`])
      return listed.split('\n').some((line) => line.endsWith(` ${file}`))
        ? undefined
        : `ignores excludes ${path}`
    } finally {
      await rm(probe, { recursive: true, force: true })
    }
  }

  /**
   * The folder to pack: in the workspace itself, or a tree of hard links to its files.
   * @param target where to create that tree, if needed
   * @throws {DeployError} `E_WORKSPACE` if there is no such folder; `E_IGNORES` if rsync fails
   */
  async select(workspace: string, target: string): Promise<string> {
    const source = resolve(workspace, this.folder)
    if (!(await isFolder(source))) {
      throw new DeployError(
        'E_WORKSPACE',
        `dirToCopy: there is no folder '${this.folder}' in the workspace; correct it, or check the build that should create it.`,
      )
    }
    if (this.ignores.length === 0) return source
    await rm(target, { recursive: true, force: true })
    // Hard links: nothing is copied.
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
      ? 'ignores: its patterns need rsync, which is not installed on this machine: install it.'
      : `ignores: rsync failed: ${whyFailed(outcome)}`,
  )
}
