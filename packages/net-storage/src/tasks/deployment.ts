import { readFileSync } from 'node:fs'
import { DeployError, Script, type Capistrano, type Host, type Shipit } from 'shipit-capistrano'
import type { z } from 'zod'
import { ArchiveStore } from '../archive/archive-store.js'
import { ArchivesInUse } from '../archive/in-use.js'
import type { BuiltWith, Manifest } from '../archive/manifest.js'
import { dependenciesIdentity, findDependencies, type Dependencies } from '../installer/dependencies.js'
import { LocalFolder } from '../local-folder.js'
import type { Scm } from '../scm/scm.js'
import type { LiveElsewhere } from '../servers/live-elsewhere.js'
import type { settingsSchema } from '../settings.js'

/** What the tasks of one Shipit instance share. */
export class Deployment {
  /** What the servers that are left out run, where these are to be brought to the same. */
  live: LiveElsewhere | undefined

  constructor(
    readonly shipit: Shipit,
    readonly dsl: Capistrano,
    private readonly checkedSettings: () => z.output<typeof settingsSchema>,
  ) {}

  /** @throws {DeployError} `E_NOT_INITIALIZED` before Shipit has initialised */
  get settings(): z.output<typeof settingsSchema> {
    return this.checkedSettings()
  }

  get hosts(): readonly Host[] {
    return this.dsl.releaseRoles('all')
  }

  get application(): string {
    return String(this.shipit.config.application)
  }

  get deployTo(): string {
    return String(this.shipit.config.deployTo)
  }

  /** On servers; scripts are in `deployTo` already when they use it. */
  get archivesPath(): string {
    return this.settings.archivesPath ?? 'net_storage_archives'
  }

  get branch(): string {
    return this.shipit.config.branch ?? 'master'
  }

  /** Full id of the commit that is deployed. @throws {DeployError} `E_TASK_MISSING` */
  get revision(): string {
    return required(this.shipit.currentRevision, 'net_storage:prepare_mirror_repository')
  }

  /** Only what storage has is deployed: nothing is built or uploaded. */
  get pulling(): boolean {
    return this.dsl.isPartOfRun('net_storage:pull_deploy')
  }

  get localFolder(): LocalFolder {
    return new LocalFolder(this.settings.localBasePath)
  }

  get scm(): Scm {
    const { repositoryUrl, gitConfig, updateSubmodules } = this.shipit.config
    const { scm, repoTree } = this.settings
    return scm({
      repositoryUrl: String(repositoryUrl),
      config: gitConfig,
      mirrorPath: this.localFolder.mirror,
      repoTree,
      submodules: updateSubmodules,
      signal: this.dsl.signal,
    })
  }

  get store(): ArchiveStore {
    return new ArchiveStore(this.settings.transport, this.application)
  }

  get archivesInUse(): ArchivesInUse {
    return new ArchivesInUse(this.settings.transport, this.application, this.shipit.environment)
  }

  /** The archive of a revision that storage has, whatever it was built with. @throws {DeployError} `E_NO_ARCHIVE` */
  async archiveOf(revision: string): Promise<Manifest> {
    const found = await this.store.find(revision)
    if ('manifest' in found) return found.manifest
    throw new DeployError('E_NO_ARCHIVE', `It can't be fetched: ${found.reason}.`)
  }

  /** What is to be installed for the commit. @throws {InstallerError} `E_INSTALLER` */
  async dependencies(): Promise<Dependencies[]> {
    const { scm, revision } = this
    const { installer, multiAppMode } = this.settings
    const applicationFolder = multiAppMode ? this.application : ''
    return findDependencies({ scm, revision, installer, applicationFolder })
  }

  /** What an archive depends on that is built now. @throws {InstallerError} `E_INSTALLER` */
  async builtWith(): Promise<BuiltWith> {
    const { archiver, repoTree = null, multiAppMode } = this.settings
    const options = Object.entries(archiver.options).map(([name, value]) => [`archiver ${name}`, value])
    return {
      archiver: archiver.format,
      ...Object.fromEntries(options),
      node: process.version,
      repoTree,
      multiAppMode,
      submodules: this.shipit.config.updateSubmodules ?? false,
      ...(await dependenciesIdentity(await this.dependencies())),
    }
  }

  /** One of this package's scripts for servers; of several, each builds on those before it. */
  script(...names: readonly string[]): Script {
    const files = names.map((name) => new URL(`../../server/${name}.sh`, import.meta.url))
    return Script.of(files.map((file) => readFileSync(file, 'utf8')).join('\n'))
  }
}

/** A value that an earlier task sets. @throws {DeployError} `E_TASK_MISSING` */
export function required(value: string | undefined, task: string): string {
  if (!value) throw new DeployError('E_TASK_MISSING', `Run '${task}' first: this task builds on it.`)
  return value
}
