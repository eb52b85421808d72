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

/** All that `auto` looks for, those for the same packages together. */
export const BY_ECOSYSTEM: readonly (readonly (() => Installer)[])[] = [
  [INSTALLERS.npm, INSTALLERS.pnpm, INSTALLERS.yarn],
  [INSTALLERS.bundler],
]
