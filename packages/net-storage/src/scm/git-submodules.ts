import { rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { GitCommand } from './git-command.js'

/** A submodule, checked out. */
export interface Submodule {
  /** Path in the repository. */
  readonly path: string
  /** Where it is checked out. */
  readonly directory: string
}

/** Options of {@link withSubmodules}. */
export interface WithSubmodulesOptions {
  readonly git: GitCommand
  readonly mirrorPath: string
  readonly revision: string
  /** Only those below this folder. */
  readonly repoTree: string | undefined
}

/** Calls `run` with a commit's submodules, including nested ones, checked out beside the mirror. */
export async function withSubmodules(
  { git, mirrorPath, revision, repoTree }: WithSubmodulesOptions,
  run: (submodules: readonly Submodule[]) => Promise<void>,
): Promise<void> {
  const worktree = resolve(`${mirrorPath}.worktree`)
  const remove = async (): Promise<void> => {
    await rm(worktree, { recursive: true, force: true })
    await git.run(['worktree', 'prune'], mirrorPath)
  }
  await remove()
  try {
    const add = ['worktree', 'add', '--detach', '--no-checkout', '--quiet', worktree, revision]
    await git.run(add, mirrorPath)
    await git.run(['read-tree', 'HEAD'], worktree)
    const below = repoTree ? ['--', repoTree] : []
    // Relative URLs are resolved against `origin`: the application's URL here, their own in submodules. `sync` because the
    // mirror's configuration may still hold URLs of an earlier commit.
    const origin = ['-c', `remote.origin.url=${git.url}`]
    await git.run([...origin, 'submodule', '--quiet', 'init', ...below], worktree)
    await git.run([...origin, 'submodule', '--quiet', 'sync', ...below], worktree)
    await git.run(['submodule', '--quiet', 'update', '--init', '--recursive', ...below], worktree)
    const list = ['submodule', '--quiet', 'foreach', '--recursive', 'printf "%s\\0" "$displaypath"']
    const paths = (await git.run(list, worktree))
      .split('\0')
      .filter((path) => path !== '' && (!repoTree || path.startsWith(`${repoTree}/`)))
    await run(paths.map((path) => ({ path, directory: join(worktree, path) })))
  } finally {
    await remove()
  }
}
