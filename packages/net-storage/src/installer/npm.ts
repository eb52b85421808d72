import { join } from 'node:path'
import { withInstalled } from './installed.js'
import { Installer, type InstallTarget } from './installer.js'
import { failure, mismatch, runInstaller, versionOf } from './program.js'

/** npm: `npm ci` without development dependencies. */
export class Npm extends Installer {
  readonly name = 'npm'
  readonly lockfiles = ['npm-shrinkwrap.json', 'package-lock.json']
  override readonly installsInto = ['node_modules']

  async identity(): Promise<Record<string, string>> {
    return { npm: await versionOf('npm') }
  }

  async install(target: InstallTarget): Promise<void> {
    const { directory, cacheDirectory, lockfile, signal } = target
    await withInstalled({ ...target, tool: await versionOf('npm', directory) }, async () => {
      const cache = join(cacheDirectory, 'downloads')
      const command = ['npm', 'ci', '--omit=dev', '--no-audit', '--no-fund', `--cache=${cache}`] as const
      const outcome = await runInstaller(command, { cwd: directory, signal })
      if (outcome.status === 0) return
      // npm's code for a lockfile that is out of sync.
      if (/\bcode EUSAGE\b/.test(outcome.printed))
        throw mismatch(command, outcome, {
          lockfile,
          remedy: 'npm install',
          detail: /\b((?:Missing|Invalid): .*)$/,
        })
      throw failure(command, outcome)
    })
  }
}
