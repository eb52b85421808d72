import { join } from 'node:path'
import { withInstalled } from './installed.js'
import { Installer, type InstallTarget } from './installer.js'
import { failure, mismatch, runInstaller, versionOf } from './program.js'

/** pnpm: `pnpm install --frozen-lockfile --prod`. */
export class Pnpm extends Installer {
  readonly name = 'pnpm'
  readonly lockfiles = ['pnpm-lock.yaml']
  override readonly installsInto = ['node_modules']

  async identity(): Promise<Record<string, string>> {
    return { pnpm: await versionOf('pnpm') }
  }

  async install(target: InstallTarget): Promise<void> {
    const { directory, cacheDirectory, lockfile, signal } = target
    await withInstalled({ ...target, tool: await versionOf('pnpm', directory) }, async () => {
      const command = [
        'pnpm',
        'install',
        '--frozen-lockfile',
        '--prod',
        `--store-dir=${join(cacheDirectory, 'downloads')}`,
        // A build that changes an installed file must not change it in the store.
        '--package-import-method=clone-or-copy',
        // Otherwise the bin scripts would contain paths of this machine.
        '--config.extend-node-path=false',
      ] as const
      // Without a terminal, it must not prompt before removing node_modules.
      const outcome = await runInstaller(command, { cwd: directory, environment: { CI: 'true' }, signal })
      if (outcome.status === 0) return
      if (/\bERR_PNPM_(OUTDATED_LOCKFILE|LOCKFILE_CONFIG_MISMATCH)\b/.test(outcome.printed))
        throw mismatch(command, outcome, { lockfile, remedy: 'pnpm install' })
      throw failure(command, outcome)
    })
  }
}
