import { DeployError } from '../errors.js'
import type { Flow } from '../flow/flow-of.js'
import { majority, type ServerReleases } from '../flow/releases.js'
import { releasePath } from '../settings/paths.js'
import type { Shipit } from '../shipit/shipit.js'
import { Timeline } from '../timeline/timeline.js'

/** What a run does. `pull` is a deploy of what storage has; `other` is neither a deploy nor a rollback. */
export type RunKind = Flow | 'pull' | 'other'

/** A task of a run's timeline. */
export interface Step {
  readonly task: string
  readonly startedAt: Date
  readonly seconds: number
  readonly failed: boolean
}

/** What a {@link Run} depends on. */
export interface RunContext {
  readonly shipit: Shipit
  readonly kind: () => RunKind
  readonly signal: () => AbortSignal
  /** Whether a task is part of it. */
  readonly includes: (task: string) => boolean
}

/**
 * A run, from `shipit.start()` to its end: the only place that knows its kind and its release, and the only writer of the
 * fields that Shipit's plugins read: `releaseDirname`, `releasePath`, `currentRevision`, `previousRelease`, `previousRevision`,
 * `prevReleaseDirname`, `prevReleasePath` and `workspace`. It respects what others write there.
 */
export class Run {
  /** When the run, or the last deploy or rollback in it, began. */
  startedAt = new Date()
  /** Each server's releases then, in the order of `releaseRoles('all')`; empty until `deploy:check` has queried them. */
  servers: readonly ServerReleases[] = []
  /** The timeline: tasks that have ended, in that order. */
  readonly steps: Step[] = []
  /** What took how long on servers. */
  readonly timeline = new Timeline()

  constructor(private readonly context: RunContext) {}

  get kind(): RunKind {
    return this.context.kind()
  }

  get environment(): string {
    return this.shipit.environment
  }

  /** Aborted when the run fails or is interrupted. */
  get signal(): AbortSignal {
    return this.context.signal()
  }

  /** Name of the release that is deployed or rolled back to: `'20261123201530'`, UTC. Undefined until chosen. */
  get release(): string | undefined {
    return this.shipit.releaseDirname
  }

  /** Full commit id that is deployed. Undefined until known. */
  get revision(): string | undefined {
    return this.shipit.currentRevision
  }

  /** The release that most servers had live when the run began, or null. */
  get previousRelease(): string | null {
    return this.shipit.previousRelease ?? null
  }

  /** Whether a task is part of the run, directly or by invocation. */
  includes(task: string): boolean {
    return this.context.includes(task)
  }

  /** A deploy or rollback begins; another may have ended in the same run. */
  begin(): void {
    this.startedAt = new Date()
    this.servers = []
  }

  /** Records the servers' releases before anything is changed. */
  found(servers: readonly ServerReleases[]): void {
    this.servers = servers
    const live = majority(servers.flatMap(({ current }) => current ?? [])) ?? null
    const releases = servers.flatMap((server) => server.releases)
    this.shipit.previousRelease = live
    this.shipit.previousRevision = releases.find(({ name }) => name === live)?.revision ?? null
  }

  /** Sets the release that is deployed or rolled back to, and its commit if known. */
  choose({ name, revision }: { readonly name: string; readonly revision?: string | undefined }): void {
    this.shipit.releaseDirname = name
    this.shipit.releasePath = releasePath(this.shipit.config, name)
    if (revision) this.deploys(revision)
  }

  /** Sets the commit that is deployed. */
  deploys(revision: string): void {
    this.shipit.currentRevision = revision
  }

  /** Sets the release that a rollback leaves. */
  leaves(name: string): void {
    this.shipit.prevReleaseDirname = name
    this.shipit.prevReleasePath = releasePath(this.shipit.config, name)
  }

  /** Sets the local folder to build in, which shipit-npm and similar plugins use. */
  buildsIn(path: string): void {
    this.shipit.workspace = path
    this.shipit.config.workspace = path
  }

  /** The chosen release. @throws {DeployError} `E_NO_RELEASE` if none has been chosen */
  chosenRelease(): string {
    if (this.release) return this.release
    throw new DeployError('E_NO_RELEASE', "No release has been chosen: run 'deploy' or 'rollback'.")
  }

  private get shipit(): Shipit {
    return this.context.shipit
  }
}
