import { copyFile, mkdir, readFile, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { copyTree } from './copy-tree.js'
import { Installer, type InstallTarget } from './installer.js'
import { failure, mismatch, runInstaller, versionOf, type InstallerOutcome } from './program.js'

/** Relative, so that releases can be moved. */
const INSTALL_PATH = 'vendor/bundle'

/** For `bundle config --local`; they stay in the release for the application's own `bundle exec`. */
const SETTINGS = [
  ['deployment', 'true'],
  ['path', INSTALL_PATH],
  ['without', 'development test'],
  ['disable_shared_gems', 'true'],
] as const

const SETTINGS_FILE = '.bundle/config'

/** Bundler's exit status when `deployment` rejects Gemfile.lock. */
const LOCKFILE_STATUS = 16

/**
 * Bundler: gems in `vendor/bundle`, without the groups development and test. A cache, copied in before and out afterwards,
 * keeps them between deploys. Mirrors `Bundler::Default`.
 */
export class Bundler extends Installer {
  readonly name = 'bundler'
  readonly lockfiles = ['Gemfile.lock', 'gems.locked']
  override readonly installsInto = [INSTALL_PATH, dirname(SETTINGS_FILE)]

  async identity(): Promise<Record<string, string>> {
    const [bundler, ruby] = await Promise.all([versionOf('bundle'), versionOf('ruby')])
    return { bundler, ruby }
  }

  async install({ directory, cacheDirectory, lockfile, signal }: InstallTarget): Promise<void> {
    const run = (command: readonly [string, ...string[]]): Promise<InstallerOutcome> =>
      runInstaller(command, { cwd: directory, signal })
    const bundle = async (...args: string[]): Promise<void> => {
      const command = ['bundle', ...args] as const
      const outcome = await run(command)
      if (outcome.status === LOCKFILE_STATUS)
        throw mismatch(command, outcome, { lockfile, remedy: 'bundle install' })
      if (outcome.status !== 0) throw failure(command, outcome)
    }
    const installed = join(directory, INSTALL_PATH)
    const settings = join(directory, SETTINGS_FILE)
    const cached = {
      gems: join(cacheDirectory, 'gems'),
      settings: join(cacheDirectory, 'settings'),
      lockfile: join(cacheDirectory, 'lockfile'),
    }

    await mkdir(cached.gems, { recursive: true })
    await copyTree(cached.gems, installed)
    const isSame = (await read(cached.lockfile)) === (await read(join(directory, lockfile)))
    // Only if the application has no settings of its own, which must be extended, not replaced.
    if (isSame && (await read(settings)) === undefined) {
      await mkdir(join(directory, '.bundle'), { recursive: true })
      await copyFile(cached.settings, settings)
      if ((await run(['bundle', 'check'])).status === 0) return
    }
    for (const [name, value] of SETTINGS) await bundle('config', 'set', '--local', name, value)
    await bundle('install', '--quiet')
    await bundle('clean')

    for (const path of Object.values(cached)) await rm(path, { recursive: true, force: true })
    await copyTree(installed, cached.gems)
    await copyFile(settings, cached.settings)
    await copyFile(join(directory, lockfile), cached.lockfile)
  }
}

async function read(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch(() => undefined)
}
