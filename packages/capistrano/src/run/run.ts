import { posix } from 'node:path'
import { DeployError } from '../errors.js'
import type { Flow } from '../flow/flow-of.js'
import { majority, type ServerReleases } from '../flow/releases.js'
import type { Shipit } from '../shipit/shipit.js'

/** What a run does. `pull` is a deploy of what storage has; `other` is neither a deploy nor a rollback. */
export type RunKind = Flow | 'pull' | 'other'

/** One task of a run's timeline. */
export interface Step {
  readonly task: string
  readonly startedAt: Date
  readonly seconds: number
  readonly failed: boolean
}

/** What a {@link Run} asks of how it is carried out. */
export interface RunContext {
  readonly shipit: Shipit
  readonly kind: () => RunKind
  readonly signal: () => AbortSignal
  /** Whether a task is part of it. */
  readonly includes: (task: string) => boolean
}

/**
 * What is going on, from `shipit.start()` to its end: the only place that knows what kind of run this is and which release it
 * makes, and the only writer of the fields that Shipit's plugins read: `releaseDirname`, `releasePath`, `currentRevision`,
 * `previousRelease`, `previousRevision`, `prevReleaseDirname`, `prevReleasePath` and `workspace`. What others write there counts.
 */
export class Run {
  /** When the run, or the last deploy or rollback in it, began. */
  startedAt = new Date()
  /** What each server had then, in the order of `releaseRoles('all')`; empty until `deploy:check` has asked. */
  servers: readonly ServerReleases[] = []
  /** The timeline: tasks that have ended, in that order. */
  readonly steps: Step[] = []

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

  /** Name of the release that is made, or gone back to: `'20261123201530'`, UTC. Undefined until it is chosen. */
  get release(): string | undefined {
    return this.shipit.releaseDirname
  }

  /** Full commit id that is deployed. Undefined until it is known. */
  get revision(): string | undefined {
    return this.shipit.currentRevision
  }

  /** The release that most servers had live when the run began, or null. */
  get previousRelease(): string | null {
    return this.shipit.previousRelease ?? null
  }

  /** Whether a task is part of the run, by itself or in what a running task invokes. */
  includes(task: string): boolean {
    return this.context.includes(task)
  }

  /** A deploy or rollback begins; another one may have ended before in the same run. */
  begin(): void {
    this.startedAt = new Date()
    this.servers = []
  }

  /** Notes what the servers have before anything is changed. */
  found(servers: readonly ServerReleases[]): void {
    this.servers = servers
    const live = majority(servers.flatMap(({ current }) => current ?? [])) ?? null
    const releases = servers.flatMap((server) => server.releases)
    this.shipit.previousRelease = live
    this.shipit.previousRevision = releases.find(({ name }) => name === live)?.revision ?? null
  }

  /** Says which release is made, or gone back to; and of which commit, where that is known. */
  choose({ name, revision }: { readonly name: string; readonly revision?: string | undefined }): void {
    this.shipit.releaseDirname = name
    this.shipit.releasePath = this.pathOf(name)
    if (revision) this.deploys(revision)
  }

  /** Says which commit is deployed. */
  deploys(revision: string): void {
    this.shipit.currentRevision = revision
  }

  /** Says which release a rollback leaves. */
  leaves(name: string): void {
    this.shipit.prevReleaseDirname = name
    this.shipit.prevReleasePath = this.pathOf(name)
  }

  /** Names the local folder in which what is deployed is made; where shipit-npm and its like build. */
  buildsIn(path: string): void {
    this.shipit.workspace = path
    this.shipit.config.workspace = path
  }

  /** The release that was chosen. @throws {DeployError} `E_NO_RELEASE` */
  chosenRelease(): string {
    if (this.release) return this.release
    throw new DeployError(
      'E_NO_RELEASE',
      "No release is chosen: run 'deploy' or 'rollback', which choose one.",
    )
  }

  private get shipit(): Shipit {
    return this.context.shipit
  }

  private pathOf(release: string): string {
    return posix.join(String(this.shipit.config.deployTo), 'releases', release)
  }
}
