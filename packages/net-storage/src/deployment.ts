import {
  DeployError,
  type Capistrano,
  type Host,
  type PluginApi,
  type Run,
  type Shipit,
} from 'shipit-capistrano'
import type { z } from 'zod'
import { ArchiveStore, type Found } from './archive/archive-store.js'
import { ArchivesInUse } from './archive/in-use.js'
import type { BuiltWith, Manifest } from './archive/manifest.js'
import {
  checkLinkedDirs,
  dependenciesIdentity,
  findDependencies,
  type FoundDependencies,
} from './installer/dependencies.js'
import type { Ahead } from './steps/ahead.js'
import { treeDigest } from './archiver/tree-digest.js'
import { LocalFolder } from './local-folder.js'
import type { Scm } from './scm/scm.js'
import { liveElsewhere, type LiveElsewhere } from './servers/live-elsewhere.js'
import { Selection } from './selection.js'
import type { BuildKey, settingsSchema } from './settings.js'
import { Workspace } from './workspace.js'

/** State shared by the steps of one run. */
export class Deployment {
  /** The archive being deployed; set by `net_storage:upload_archive`. */
  manifest: Manifest | undefined
  /** What was found out while the checks ran. */
  ahead: Ahead | undefined
  private elsewhere: Promise<LiveElsewhere | undefined> | undefined
  private ownWorkspace: Workspace | undefined
  private readonly found = new Map<string, Promise<FoundDependencies>>()

  constructor(
    readonly shipit: Shipit,
    readonly dsl: Capistrano,
    readonly settings: z.output<typeof settingsSchema>,
    readonly run: Run,
  ) {}

  get plugin(): PluginApi {
    return this.dsl.plugin
  }

  get hosts(): readonly Host[] {
    return this.dsl.releaseRoles('all')
  }

  get application(): string {
    return String(this.shipit.config.application)
  }

  /** Path on servers, absolute or relative to `deployTo`, where scripts use it. */
  get archivesPath(): string {
    return this.settings.archivesPath ?? 'net_storage_archives'
  }

  /** Full id of the commit being deployed. @throws {DeployError} `E_TASK_MISSING` */
  get revision(): string {
    const { revision } = this.run
    if (revision) return revision
    throw new DeployError(
      'E_TASK_MISSING',
      "Run 'net_storage:prepare_mirror_repository' first: this task needs its result.",
    )
  }

  /** What the servers left out by `HOSTS` or `ROLES` run, if the others are to get the same. Queried once per run. */
  async live(): Promise<LiveElsewhere | undefined> {
    if (this.run.kind !== 'pull') return undefined
    return (this.elsewhere ??= liveElsewhere(this.plugin))
  }

  get localFolder(): LocalFolder {
    return new LocalFolder(this.settings.localBasePath)
  }

  get workspace(): Workspace {
    return (this.ownWorkspace ??= new Workspace(this.localFolder, this.run.release))
  }

  /** Which part of the workspace is deployed. */
  get selection(): Selection {
    return new Selection(this.shipit.config)
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

  /** All of the application's archives. */
  get store(): ArchiveStore {
    return this.storeOf(undefined)
  }

  /** The application's archives built for the current environment or build key. */
  async builds(): Promise<ArchiveStore> {
    return this.storeOf(await this.builtFor())
  }

  /** The archive of a revision that matches what would be built now, or why there is none. */
  async find(revision: string, builtWith: BuiltWith): Promise<Found> {
    const builtFor = await this.builtFor()
    const found = await this.storeOf(builtFor).find(revision, builtWith)
    if ('manifest' in found || !found.absent || builtFor === undefined) return found
    // One that was built for no environment can't be used, but shows what has changed since.
    const other = await this.store.find(revision, builtWith)
    return 'manifest' in other ? found : { ...found, reason: other.reason }
  }

  private storeOf(builtFor: string | undefined): ArchiveStore {
    return new ArchiveStore(this.settings.transport, this.application, builtFor)
  }

  /** Names of the tasks, hooked to `net_storage:prepare_archive`, whose output is part of the archive. */
  get buildHooks(): string[] {
    const { hooksOf } = this.plugin
    const always = hooksOf('net_storage:upload_archive')
    return hooksOf('net_storage:prepare_archive').filter((name) => !always.includes(name))
  }

  /** What distinguishes archives built from the same revision; undefined if nothing does. */
  private async builtFor(): Promise<string | undefined> {
    const { buildKey } = this.settings
    if (buildKey !== undefined) {
      const value = typeof buildKey === 'function' ? await buildKey() : buildKey
      return `build key ${stableStringify(value)}`
    }
    const isBuilt = this.buildHooks.length > 0 || this.workspace.builders.length > 0
    return isBuilt ? this.environmentKey : undefined
  }

  private get environmentKey(): string {
    return `environment ${this.run.environment}`
  }

  get archivesInUse(): ArchivesInUse {
    return new ArchivesInUse(this.settings.transport, this.application, this.run.environment)
  }

  /**
   * An archive of a revision that this environment can use without building one, no matter what it was built with. Hooks
   * may have been added or removed since: an archive built for no environment suits all of them.
   */
  async findBuilt(revision: string): Promise<Found> {
    const places = new Set([await this.builtFor(), this.environmentKey, undefined])
    const found = await Promise.all([...places].map((place) => this.storeOf(place).find(revision)))
    return found.find((each) => 'manifest' in each) ?? (found[0] as Found)
  }

  /** Like {@link findBuilt}. @throws {DeployError} `E_NO_ARCHIVE` if there is none */
  async archiveOf(revision: string): Promise<Manifest> {
    const found = await this.findBuilt(revision)
    if ('manifest' in found) return found.manifest
    throw new DeployError('E_NO_ARCHIVE', `It can't be fetched: ${found.reason}.`)
  }

  /** The dependencies of a commit. Read from the repository once per run. @throws {InstallerError} `E_INSTALLER` */
  async dependencies(revision = this.revision): Promise<FoundDependencies> {
    const found = this.found.get(revision) ?? this.findDependencies(revision)
    this.found.set(revision, found)
    return found
  }

  private async findDependencies(revision: string): Promise<FoundDependencies> {
    const { scm } = this
    const { installer, multiAppMode } = this.settings
    const applicationFolder = multiAppMode ? this.application : ''
    const leavesOut = (path: string): Promise<string | undefined> => this.selection.leavesOut(path)
    const found = await findDependencies({ scm, revision, installer, applicationFolder, leavesOut })
    for (const each of found.installed) checkLinkedDirs(this.shipit.config.linkedDirs ?? [], each)
    return found
  }

  /**
   * What an archive built now depends on. If something builds in the workspace between `deploy:fetch` and the archive, its
   * inputs are unknown: a digest of the workspace stands in for them.
   * @param directory the folder that would be packed, if it exists
   * @throws {InstallerError} `E_INSTALLER`
   */
  async builtWith(revision = this.revision, directory?: string): Promise<BuiltWith> {
    const { builders } = this.workspace
    const { archiver, repoTree = null, multiAppMode } = this.settings
    const options = Object.entries(archiver.options).map(([name, value]) => [`archiver ${name}`, value])
    return {
      archiver: archiver.format,
      ...Object.fromEntries(options),
      node: process.version,
      repoTree,
      multiAppMode,
      'build hooks': this.buildHooks.join(', ') || null,
      builders: builders.join(', ') || null,
      content: directory !== undefined && builders.length > 0 ? await treeDigest(directory) : null,
      ...this.selection.identity,
      submodules: this.shipit.config.updateSubmodules ?? false,
      ...(await dependenciesIdentity((await this.dependencies(revision)).installed)),
    }
  }
}

/** The same text for the same values, regardless of the order of their keys. */
function stableStringify(value: BuildKey): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  return JSON.stringify(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)))
}
