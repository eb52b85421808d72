import { Bundler } from './bundler.js'
import type { Installer } from './installer.js'
import { Npm } from './npm.js'
import { Pnpm } from './pnpm.js'
import { Yarn } from './yarn.js'

/** The installers that settings name. */
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
  /** Names of the files in which an application lists what it depends on. */
  readonly manifests: readonly string[]
  /** Whether such a file lists anything that is needed in production. */
  readonly listsDependencies: (manifest: string) => boolean
}

/** All that `auto` looks for. */
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
        // Whoever reads it says what is wrong with it.
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
