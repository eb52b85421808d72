import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdir } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { endOnAbort } from '../end-on-abort.js'

/** Options of {@link unpackTree}. */
export interface UnpackTreeOptions {
  /** The repository's folder. */
  readonly cwd: string
  readonly commit: string
  /** Folder of it, as git writes it. @default all of it */
  readonly folder?: string | undefined
  /** Folder to write to; made when it is missing. */
  readonly directory: string
  readonly env: NodeJS.ProcessEnv
  readonly signal: AbortSignal
}

/** Writes files as `git archive` has them, with `export-ignore` and `export-subst`. @throws what git or tar said, as `stderr` and `code` */
export async function unpackTree(options: UnpackTreeOptions): Promise<void> {
  const { cwd, commit, folder, directory, env, signal } = options
  signal.throwIfAborted()
  await mkdir(directory, { recursive: true })
  // As a path of the commit, a folder has the attributes that stand above it; as a tree it would not.
  const below = folder ? ['--', `:(literal)${folder}`] : []
  const depth = folder?.split('/').length ?? 0
  const archive = spawn('git', ['-c', 'tar.umask=0022', 'archive', '--format=tar', commit, ...below], {
    cwd,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const tar = spawn('tar', ['-xpf', '-', `--strip-components=${depth}`, '-C', resolve(directory)], {
    stdio: ['pipe', 'ignore', 'pipe'],
  })
  for (const child of [archive, tar]) endOnAbort(child, signal)
  archive.stdout.pipe(tar.stdin)
  // tar does not read what stands behind the archive's end; git has to get rid of it all the same.
  tar.stdin.on('error', () => {}).on('close', () => archive.stdout.resume())
  const outcomes = await Promise.allSettled([
    succeeded('git', archive, archive.stderr),
    succeeded('tar', tar, tar.stderr),
  ])
  signal.throwIfAborted()
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
}

async function succeeded(name: string, child: ChildProcess, errors: Readable): Promise<void> {
  const [stderr, [status]] = await Promise.all([
    text(errors),
    once(child, 'close') as Promise<[number | null]>,
  ])
  if (status !== 0)
    throw Object.assign(new Error(`${name} ended with status ${status}`), { stderr, code: status })
}
