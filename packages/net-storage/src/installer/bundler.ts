import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { copyTree } from './copy-tree.js'
import { Installer, type InstallTarget } from './installer.js'
import { failure, mismatch, runProgram, versionOf } from './program.js'

/** Relative, so that the release works wherever it is. */
const INSTALL_PATH = 'vendor/bundle'

/** `bundle config --local`, which stays in the release for the application's own `bundle exec`. */
const CONFIGURATION = [
  ['deployment', 'true'],
  ['path', INSTALL_PATH],
  ['without', 'development test'],
  ['disable_shared_gems', 'true'],
] as const

/** Bundler's exit status for a Gemfile.lock that `deployment` does not take. */
const LOCKFILE_STATUS = 16

/**
 * Bundler: gems in `vendor/bundle`, without the groups development and test, kept from deploy to deploy in a cache that
 * is copied in before and out after. Mirrors `Bundler::Default`.
 */
export class Bundler extends Installer {
  readonly name = 'bundler'
  readonly lockfiles = ['Gemfile.lock', 'gems.locked']

  async identity(): Promise<Record<string, string>> {
    const [bundler, ruby] = await Promise.all([versionOf('bundle'), versionOf('ruby')])
    return { bundler, ruby }
  }

  async install({ directory, cacheDirectory, lockfile, signal }: InstallTarget): Promise<void> {
    const installed = join(directory, INSTALL_PATH)
    const cached = join(cacheDirectory, 'bundle')
    await mkdir(cached, { recursive: true })
    await copyTree(cached, installed)
    const bundle = async (...args: string[]): Promise<void> => {
      const command = ['bundle', ...args] as [string, ...string[]]
      const outcome = await runProgram(command, { cwd: directory, signal })
      if (outcome.status === LOCKFILE_STATUS)
        throw mismatch(command, outcome, { lockfile, remedy: 'bundle install' })
      if (outcome.status !== 0) throw failure(command, outcome)
    }
    for (const [name, value] of CONFIGURATION) await bundle('config', 'set', '--local', name, value)
    await bundle('install', '--quiet')
    await bundle('clean')
    await rm(cached, { recursive: true, force: true })
    await copyTree(installed, cached)
  }
}
