import { readFile, rm, rmdir } from 'node:fs/promises'
import { join } from 'node:path'
import { withInstalled } from './installed.js'
import { InstallerError } from './installer-error.js'
import { Installer, type InstallTarget } from './installer.js'
import { failure, mismatch, runInstaller, versionOf, type InstallerOutcome } from './program.js'

/** Yarn 1 and Berry (2 and later); the application selects one with `packageManager` or `yarnPath`. */
export class Yarn extends Installer {
  readonly name = 'yarn'
  readonly lockfiles = ['yarn.lock']
  override readonly installsInto = ['node_modules']

  async identity(): Promise<Record<string, string>> {
    return { yarn: await versionOf('yarn') }
  }

  async install(target: InstallTarget): Promise<void> {
    const version = await versionOf('yarn', target.directory)
    const isClassic = version.startsWith('1.')
    const wanted = /^__metadata:/m.test(await readFile(join(target.directory, target.lockfile), 'utf8'))
      ? 'Yarn 2 or later'
      : 'Yarn 1'
    if (isClassic !== (wanted === 'Yarn 1'))
      throw new InstallerError(
        'E_INSTALLER',
        `yarn.lock was written by ${wanted}, but this machine has Yarn ${version}: install the right one, or enable corepack and set packageManager in package.json.`,
      )
    const install = isClassic ? installClassic : installBerry
    await withInstalled({ ...target, tool: version }, () => install(target))
  }
}

async function installClassic({ directory, cacheDirectory, lockfile, signal }: InstallTarget): Promise<void> {
  const command = [
    'yarn',
    'install',
    '--frozen-lockfile',
    '--production',
    '--non-interactive',
    `--cache-folder=${join(cacheDirectory, 'downloads')}`,
  ] as const
  const outcome = await runInstaller(command, { cwd: directory, signal })
  if (outcome.status === 0) return
  // Yarn 1 has no code for it, but is frozen: its message will not change.
  if (outcome.printed.includes('lockfile needs to be updated'))
    throw mismatch(command, outcome, { lockfile, remedy: 'yarn install' })
  throw failure(command, outcome)
}

async function installBerry({ directory, cacheDirectory, lockfile, signal }: InstallTarget): Promise<void> {
  const run = (command: readonly [string, ...string[]], environment = {}): Promise<InstallerOutcome> =>
    runInstaller(command, { cwd: directory, signal, environment })
  const linker = await run(['yarn', 'config', 'get', 'nodeLinker'])
  // Plug'n'Play loads packages from the cache: it has to be in the release.
  const isInRelease = linker.output.trim() === 'pnp'
  const environment = {
    YARN_GLOBAL_FOLDER: join(cacheDirectory, 'downloads'),
    YARN_ENABLE_GLOBAL_CACHE: String(!isInRelease),
    YARN_ENABLE_TELEMETRY: 'false',
    YARN_ENABLE_PROGRESS_BARS: 'false',
  }
  const update = ['yarn', 'install', '--mode=update-lockfile'] as const
  const before = await readFile(join(directory, lockfile), 'utf8')
  const updated = await run(update, { ...environment, YARN_ENABLE_IMMUTABLE_INSTALLS: 'false' })
  if (updated.status !== 0) throw failure(update, updated)
  // No single command installs only production dependencies and refuses to change the lockfile.
  if ((await readFile(join(directory, lockfile), 'utf8')) !== before)
    throw mismatch(update, updated, { lockfile, remedy: 'yarn install' })
  const focus = ['yarn', 'workspaces', 'focus', '--all', '--production'] as const
  const outcome = await run(focus, environment)
  if (outcome.status !== 0) throw failure(focus, outcome)
  await rm(join(directory, '.yarn/install-state.gz'), { force: true })
  // Empty unless the application itself has files there.
  await rmdir(join(directory, '.yarn')).catch(() => {})
}
