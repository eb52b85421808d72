import { mkdir } from 'node:fs/promises'
import { resolve } from 'node:path'
import { pipeProgram, type ProgramContext } from 'shipit-capistrano'
import { GitFailure } from './git-failure.js'

/** Options of {@link unpackTree}. */
export interface UnpackTreeOptions {
  /** The repository's folder. */
  readonly cwd: string
  readonly commit: string
  /** The only folder to write, in git's notation. @default all of it */
  readonly folder?: string | undefined
  /** Folder to write to; created if missing. */
  readonly directory: string
  /** How git runs. */
  readonly context: ProgramContext
  readonly signal: AbortSignal
}

/** Writes files as `git archive` outputs them, with `export-ignore` and `export-subst`. @throws {GitFailure} */
export async function unpackTree(options: UnpackTreeOptions): Promise<void> {
  const { cwd, commit, folder, directory, context, signal } = options
  signal.throwIfAborted()
  await mkdir(directory, { recursive: true })
  // A path of the commit inherits attributes from its parent folders; a tree would not.
  const below = folder ? ['--', `:(literal)${folder}`] : []
  const depth = folder?.split('/').length ?? 0
  const failed = await pipeProgram(
    [['git', '-c', 'tar.umask=0022', 'archive', '--format=tar', commit, ...below], { ...context, cwd }],
    [['tar', '-xpf', '-', `--strip-components=${depth}`, '-C', resolve(directory)], {}],
    signal,
  )
  if (failed) throw new GitFailure(failed)
}
