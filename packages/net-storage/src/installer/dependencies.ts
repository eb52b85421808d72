import { createHash } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { BuiltWith } from '../archive/manifest.js'
import type { Scm } from '../scm/scm.js'
import { InstallerError } from './installer-error.js'
import type { Installer } from './installer.js'
import { BY_ECOSYSTEM } from './installers.js'

/** An installer, and the lockfile of a commit that it goes by. */
export interface Dependencies {
  readonly installer: Installer
  /** Folder with the lockfile, below the release tree; empty for the tree itself. */
  readonly folder: string
  /** The lockfile's name. */
  readonly lockfile: string
  readonly content: Buffer
}

/** Options of {@link findDependencies}. */
export interface FindDependenciesOptions {
  readonly scm: Scm
  readonly revision: string
  /** What the setting says. */
  readonly installer: 'auto' | false | Installer
  /** The application's folder below the release tree; a lockfile is looked for there, and then in the folders above. */
  readonly applicationFolder: string
}

/**
 * What is to be installed for a commit, by its lockfiles. JavaScript and Ruby may both be there, as in many Rails applications.
 * @throws {InstallerError} `E_INSTALLER` if there are several lockfiles for the same packages, or none for the installer that is set
 */
export async function findDependencies(options: FindDependenciesOptions): Promise<Dependencies[]> {
  const { installer, revision } = options
  if (installer === false) return []
  if (installer !== 'auto') {
    const found = await nearest(options, [installer])
    if (found.length > 0) return found
    const names = installer.lockfiles.join(' or ')
    throw new InstallerError(
      'E_INSTALLER',
      `netStorage.installer is '${installer.name}', and commit ${revision} has no ${names}: commit it, or set netStorage.installer: false.`,
    )
  }
  const all = BY_ECOSYSTEM.map(async (installers) => {
    const found = await nearest(
      options,
      installers.map((create) => create()),
    )
    if (found.length <= 1) return found
    const names = found.map(({ folder, lockfile }) => join(folder, lockfile)).join(' and ')
    throw new InstallerError(
      'E_INSTALLER',
      `Commit ${revision} has ${names}: remove all but one of them, or say which one to go by with netStorage.installer.`,
    )
  })
  return (await Promise.all(all)).flat()
}

/** Those whose lockfile is in the nearest folder that has any. */
async function nearest(
  { scm, revision, applicationFolder }: FindDependenciesOptions,
  installers: readonly Installer[],
): Promise<Dependencies[]> {
  const parts = applicationFolder.split('/').filter(Boolean)
  for (let depth = parts.length; depth >= 0; depth -= 1) {
    const folder = parts.slice(0, depth).join('/')
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

/** What an archive depends on through its dependencies. @throws {InstallerError} `E_INSTALLER` */
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
  /** Folder for what makes the next run faster. */
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
    log(`Installing production dependencies with ${installer.name}, by ${join(folder, lockfile)}.`)
    const from = Date.now()
    await installer.install({ directory: resolve(directory, folder), lockfile, cacheDirectory, signal })
    log(`Installed in ${((Date.now() - from) / 1000).toFixed(1)} s.`)
  }
}
