import { createHash } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import type { BuiltWith } from '../archive/manifest.js'
import type { Scm } from '../scm/scm.js'
import { InstallerError } from './installer-error.js'
import type { Installer } from './installer.js'
import { ECOSYSTEMS, type Ecosystem } from './installers.js'

/** An installer, and the lockfile of a commit that it installs from. */
export interface Dependencies {
  readonly installer: Installer
  /** Folder with the lockfile, relative to the release tree; empty for the tree itself. */
  readonly folder: string
  /** Basename. */
  readonly lockfile: string
  readonly content: Buffer
}

/** Options of {@link findDependencies}. */
export interface FindDependenciesOptions {
  readonly scm: Scm
  readonly revision: string
  /** The setting. */
  readonly installer: 'auto' | false | Installer
  /** The application's folder in the release tree; lockfiles are searched for there, then in its parent folders. */
  readonly applicationFolder: string
  /** Why a folder of the release tree is not deployed; undefined if it is. */
  readonly leavesOut: (path: string) => Promise<string | undefined>
}

/** Result of {@link findDependencies}. */
export interface FoundDependencies {
  readonly installed: readonly Dependencies[]
  /** What `auto` does not install and why, one sentence each. */
  readonly skipped: readonly string[]
}

/**
 * Finds the dependencies of a commit by its lockfiles. It may have both JavaScript and Ruby, like many Rails applications.
 * `auto` does not install what would not be deployed: users who exclude `node_modules` install it on the servers.
 * @throws {InstallerError} `E_INSTALLER` if there are several lockfiles for the same packages, or none for the configured
 * installer or the application's dependencies
 */
export async function findDependencies(options: FindDependenciesOptions): Promise<FoundDependencies> {
  const { installer, revision } = options
  if (installer === false) return { installed: [], skipped: [] }
  if (installer !== 'auto') {
    const installed = await nearest(options, [installer])
    if (installed.length > 0) return { installed, skipped: [] }
    const names = installer.lockfiles.join(' or ')
    throw new InstallerError(
      'E_INSTALLER',
      `netStorage.installer is '${installer.name}', but commit ${revision} has no ${names}: commit it, or set netStorage.installer: false.`,
    )
  }
  const all = await Promise.all(ECOSYSTEMS.map((ecosystem) => findInEcosystem(ecosystem, options)))
  return {
    installed: all.flatMap(({ installed }) => installed),
    skipped: all.flatMap(({ skipped }) => skipped),
  }
}

async function findInEcosystem(
  ecosystem: Ecosystem,
  options: FindDependenciesOptions,
): Promise<FoundDependencies> {
  const installers = ecosystem.installers.map((create) => create())
  const found = await nearest(options, installers)
  const paths = found.map(({ folder, lockfile }) => join(folder, lockfile))
  const leftOut = await whyLeftOut(installers, found[0]?.folder ?? options.applicationFolder, options)
  if (leftOut)
    return { installed: [], skipped: paths.map((path) => `Nothing is installed for ${path}: ${leftOut}.`) }
  if (found.length === 0) await refuseUnlocked(options, ecosystem, installers)
  if (found.length <= 1) return { installed: found, skipped: [] }
  throw new InstallerError(
    'E_INSTALLER',
    `Commit ${options.revision} has ${paths.join(' and ')}: remove all but one, or choose one with netStorage.installer.`,
  )
}

/** Why none of the folders that installers would fill is deployed; undefined if some are. */
async function whyLeftOut(
  installers: readonly Installer[],
  folder: string,
  { leavesOut }: FindDependenciesOptions,
): Promise<string | undefined> {
  const filled = new Set(installers.flatMap(({ installsInto }) => installsInto))
  const reasons = await Promise.all([...filled].map((path) => leavesOut(join(folder, path))))
  return reasons.includes(undefined) ? undefined : reasons[0]
}

/** @throws {InstallerError} `E_INSTALLER` if the application lists dependencies */
async function refuseUnlocked(
  { scm, revision, applicationFolder }: FindDependenciesOptions,
  { manifests, listsDependencies }: Ecosystem,
  installers: readonly Installer[],
): Promise<void> {
  for (const folder of foldersAbove(applicationFolder)) {
    for (const name of manifests) {
      const path = join(folder, name)
      const content = await scm.read(revision, path)
      if (!content || !listsDependencies(content.toString('utf8'))) continue
      const lockfiles = installers.map(({ lockfiles: names }) => names.at(-1)).join(', ')
      throw new InstallerError(
        'E_INSTALLER',
        `Commit ${revision} lists dependencies in ${path}, but has no lockfile, so they would be missing from the release. Commit ${lockfiles.replace(/, ([^,]*)$/, ' or $1')}, or set netStorage.installer: false to install nothing.`,
      )
    }
  }
}

/**
 * Checks that no shared folder replaces a folder that an installer fills.
 * @throws {InstallerError} `E_INSTALLER`
 */
export function checkLinkedDirs(
  linkedDirs: readonly string[],
  { installer, folder }: Pick<Dependencies, 'installer' | 'folder'>,
): void {
  for (const path of linkedDirs) {
    const linked = join(path)
    const hides = (filled: string): boolean =>
      `${filled}/`.startsWith(`${linked}/`) ||
      // Each package of a workspace may have its own.
      (basename(filled) === 'node_modules' && basename(linked) === 'node_modules')
    if (!installer.installsInto.some((filled) => hides(join(folder, filled)))) continue
    throw new InstallerError(
      'E_INSTALLER',
      `linkedDirs: '${path}' would hide what ${installer.name} installs into the release: remove it from linkedDirs (the deploy machine caches installed packages), or set netStorage.installer: false.`,
    )
  }
}

/** A folder and its parents, up to the release tree itself. */
function foldersAbove(folder: string): string[] {
  const parts = folder.split('/').filter(Boolean)
  return Array.from({ length: parts.length + 1 }, (_, up) => parts.slice(0, parts.length - up).join('/'))
}

/** The installers whose lockfile is in the nearest folder that has any. */
async function nearest(
  { scm, revision, applicationFolder }: FindDependenciesOptions,
  installers: readonly Installer[],
): Promise<Dependencies[]> {
  for (const folder of foldersAbove(applicationFolder)) {
    const found = await Promise.all(
      installers.map(async (installer) => {
        for (const lockfile of installer.lockfiles) {
          const content = await scm.read(revision, join(folder, lockfile))
          if (content) return [{ installer, folder, lockfile, content }]
        }
        return []
      }),
    )
    if (found.flat().length > 0) return found.flat()
  }
  return []
}

/** Identifies the dependencies that an archive was built with. @throws {InstallerError} `E_INSTALLER` */
export async function dependenciesIdentity(all: readonly Dependencies[]): Promise<BuiltWith> {
  const identities = await Promise.all(
    all.map(async ({ installer, lockfile, content }) => ({
      ...(await installer.identity()),
      [lockfile]: createHash('sha256').update(content).digest('hex'),
    })),
  )
  const names = all.map(({ installer }) => installer.name).join(', ')
  return Object.assign({ installer: names || 'none' }, ...identities) as BuiltWith
}

/** Options of {@link installDependencies}. */
export interface InstallDependenciesOptions {
  /** Root of the release tree. */
  readonly directory: string
  /** Folder for the installers' caches. */
  readonly cachePath: string
  readonly signal: AbortSignal
  readonly log: (line: string) => void
}

/** Installs into a release tree. @throws {InstallerError} `E_INSTALLER`, `E_LOCKFILE` */
export async function installDependencies(
  all: readonly Dependencies[],
  { directory, cachePath, signal, log }: InstallDependenciesOptions,
): Promise<void> {
  for (const { installer, folder, lockfile } of all) {
    const cacheDirectory = resolve(cachePath, installer.name)
    await mkdir(cacheDirectory, { recursive: true })
    log(`Installing production dependencies with ${installer.name} from ${join(folder, lockfile)}.`)
    const from = Date.now()
    await installer.install({ directory: resolve(directory, folder), lockfile, cacheDirectory, signal })
    log(`Installed in ${((Date.now() - from) / 1000).toFixed(1)} s.`)
  }
}
