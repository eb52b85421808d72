import { Bundler } from './bundler.js'
import type { Installer } from './installer.js'
import { Npm } from './npm.js'
import { Pnpm } from './pnpm.js'
import { Yarn } from './yarn.js'

/** Installers by their name in settings. */
export const INSTALLERS = {
  npm: () => new Npm(),
  pnpm: () => new Pnpm(),
  yarn: () => new Yarn(),
  bundler: () => new Bundler(),
} satisfies Record<string, () => Installer>

/** Name of an installer in settings. */
export type InstallerName = keyof typeof INSTALLERS

/** Installers for the same packages. */
export interface Ecosystem {
  readonly installers: readonly (() => Installer)[]
  /** Names of the files that list an application's dependencies. */
  readonly manifests: readonly string[]
  /** Whether such a file lists any production dependencies. */
  readonly listsDependencies: (manifest: string) => boolean
}

/** The ecosystems that `auto` searches for. */
export const ECOSYSTEMS: readonly Ecosystem[] = [
  {
    installers: [INSTALLERS.npm, INSTALLERS.pnpm, INSTALLERS.yarn],
    manifests: ['package.json'],
    listsDependencies(manifest) {
      try {
        const { dependencies = {}, optionalDependencies = {} } = JSON.parse(manifest) as Record<
          string,
          object
        >
        return Object.keys({ ...dependencies, ...optionalDependencies }).length > 0
      } catch {
        // Left for the package manager to report.
        return false
      }
    },
  },
  {
    installers: [INSTALLERS.bundler],
    manifests: ['Gemfile', 'gems.rb'],
    listsDependencies: (manifest) => /^\s*(gem|gemspec)\b/m.test(manifest),
  },
]
