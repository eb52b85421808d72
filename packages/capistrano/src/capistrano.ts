import type { z } from 'zod'
import type { Release } from './flow/releases.js'
import type { Place } from './graph/catalog.js'
import type { Print } from './inspection/output.js'
import type { Host } from './ssh/host.js'
import type { OnOptions } from './ssh/on-hosts.js'
import type { EnvironmentConfig, TaskFunction } from './shipit/shipit.js'

/** Which of the two flows the running tasks belong to. */
export type Flow = 'deploy' | 'rollback'

/** A plugin's own settings: one key of the environment's config. */
export interface SettingsSection<S extends z.ZodType> {
  /** Key in the environment's config: `'netStorage'`. */
  readonly key: string
  /** Shape and defaults. Use `z.strictObject`, so that unknown keys are mistakes. */
  readonly schema: S
  /** Keys beside it that must be set: `['application']`. @default [] */
  readonly requires?: readonly string[]
  /** What is wrong with other settings where this section is used, a sentence each. @default nothing */
  readonly mistakes?: (config: EnvironmentConfig) => readonly string[]
}

/** Options of {@link Capistrano.desc}. */
export interface DescOptions {
  /** Where the task does its work, for `deploy:plan`. @default not told */
  readonly runsOn?: Place
  /** Tasks that it may run with `invoke`, for `deploy:plan` and `deploy:tree`. @default none are told */
  readonly invokes?: readonly string[]
}

/** Defines a task or a hook: with dependencies, a function, or both. */
export type DefineTask = (
  name: string,
  dependencies?: readonly string[] | TaskFunction,
  fn?: TaskFunction,
) => void

/** Capistrano's `invoke` and `invoke!`. */
export interface Invoke {
  /**
   * Runs a task, by its full name, with its dependencies and hooks from inside another task. What ran already in this
   * run is not run again, and the log says so; what failed is, and so is a whole deploy or rollback behind another one.
   * Rejects with the task's own error.
   * @throws {SequenceError} if there is no such task
   */
  (name: string): Promise<void>
  /** Runs a task again, also if it ran already; its dependencies and hooks are not run again. Capistrano's `invoke!`. */
  readonly again: (name: string) => Promise<void>
}

/** Runs a function for each of some servers. SSHKit's `on`. */
export interface On {
  /** @throws {ServersError} `E_SERVERS`, with every server that failed, once all that were started have ended */
  <T>(hosts: readonly Host[], fn: (host: Host) => Promise<T>): Promise<T[]>
  /** @throws {ServersError} `E_SERVERS` */
  <T>(hosts: readonly Host[], options: OnOptions, fn: (host: Host) => Promise<T>): Promise<T[]>
}

/**
 * The place of a deploy in the order of those that had the lock. Servers keep the highest number of each domain in
 * `deployTo`, and refuse to publish for a lower one.
 */
export interface Fence {
  /** Whose numbers these are, one word: numbers of two domains are not compared. */
  readonly domain: string
  /** A whole number, from 1. */
  readonly number: number
}

/** Brings a release's files to servers. */
export type RestoreRelease = (hosts: readonly Host[], release: Release) => Promise<void>

/**
 * Where a deploy lock can be kept that more machines see than this one: a `LockProvider` of shipit-deploy-locker, with what
 * keeps it, for people; a folder that they share; or why there is no such place.
 */
export type LockOffer =
  | { readonly provider: unknown; readonly description: string }
  | { readonly folder: string }
  | { readonly reason: string }

/** Capistrano's DSL for one Shipit instance, and what plugins build on. */
export interface Capistrano {
  /** Defines a task; other tasks wait while it runs. In a namespace, its full name begins with that. Rake's `task`. */
  readonly task: DefineTask
  /** Describes the task that is defined next, for `tasks` and `deploy:tree`. Rake's `desc`. */
  readonly desc: (text: string, options?: DescOptions) => void
  /**
   * Puts the tasks that `define` defines into a namespace. Names that it uses, for dependencies and hooks, are looked up
   * from the inside out. Rake's `namespace`.
   */
  readonly namespace: (name: string, define: () => void) => void
  /** Runs `hook` right before `target` and its dependencies. With `fn`, defines `hook` on the spot. Capistrano's `before`. */
  readonly before: (target: string, hook: string, fn?: TaskFunction) => void
  /** Runs `hook` right after `target`. With `fn`, defines `hook` on the spot. Capistrano's `after`. */
  readonly after: (target: string, hook: string, fn?: TaskFunction) => void
  /** Runs a task from inside another. Capistrano's `invoke`. */
  readonly invoke: Invoke
  /**
   * Every server of the environment that `HOSTS` and `ROLES` leave.
   * @throws {DeployError} `E_NOT_INITIALIZED` before Shipit has initialised
   */
  readonly hosts: () => readonly Host[]
  /** The servers that `HOSTS` and `ROLES` leave out. @throws as {@link Capistrano.hosts} */
  readonly leftOut: () => readonly Host[]
  /** Those that have one of the roles; all of them for `'all'`. Capistrano's `roles`. @throws as {@link Capistrano.hosts} */
  readonly roles: (...roles: readonly string[]) => readonly Host[]
  /** Those of {@link Capistrano.roles} that take releases: not `noRelease`. Capistrano's `release_roles`. */
  readonly releaseRoles: (...roles: readonly string[]) => readonly Host[]
  /** A role's server with `primary: true`, or its first one. Capistrano's `primary`. */
  readonly primary: (role: string) => Host | undefined
  /** Runs a function for each server, waits for all, and returns their results in order. SSHKit's `on`. */
  readonly on: On
  /**
   * Registers settings. They are checked when Shipit initialises, together with all others, and every mistake is
   * reported in one error. Returns a function that gives the checked settings from then on.
   */
  readonly settings: <S extends z.ZodType>(section: SettingsSection<S>) => () => z.output<S>
  /** Takes the place of one of the flow's tasks, also when shipit-deploy is loaded later; never of the user's own. */
  readonly replace: (name: string, dependencies: readonly string[], fn?: TaskFunction) => void
  /** Has a task wait for all that stands before it, and all that stands behind wait for it, as is so with hooks. */
  readonly barrier: (task: string) => void
  /**
   * Makes a task's function one of the checks, which run before anything is changed. In a deploy, what it finds wrong is
   * told at `deploy:check`, with what all others find; nothing but checks starts in between. Elsewhere it rejects at once.
   * It is given the servers that take releases, but for those that a check before it could not reach. What `isFinal` says
   * is final is no mistake to be told with others: the run may not go on, and ends at once.
   */
  readonly check: (
    check: (hosts: readonly Host[]) => Promise<void>,
    isFinal?: (error: unknown) => boolean,
  ) => TaskFunction
  /**
   * Tells what a task was asked for: `lines` in Shipit's log, or with `FORMAT=json` `data` as JSON, which is then all that is
   * on standard output.
   */
  readonly print: Print
  /** Tells `deploy:plan` the full commit id that a deploy would deploy; undefined if that is not known before. */
  readonly plansRevision: (find: () => Promise<string | undefined>) => void
  /** Adds a column for servers to `deploy:status`. */
  readonly statusColumn: (title: string, tell: (host: Host) => Promise<string>) => void
  /** Adds a line for the whole to `deploy:status`. */
  readonly statusLine: (title: string, tell: () => Promise<string>) => void
  /**
   * Offers a place for the deploy lock. Whoever locks asks for it with {@link Capistrano.offeredLock} when a lock is needed,
   * unless the settings name a place. `offer` rejects if that can't be told now, and resolves with undefined if there is
   * nothing to offer. There is one; a later one takes its place.
   */
  readonly offerLock: (offer: () => Promise<LockOffer | undefined>) => void
  /** Asks for what was offered; undefined if nothing was. @throws what the offer rejects with */
  readonly offeredLock: () => Promise<LockOffer | undefined>
  /**
   * Has `check` asked before each task starts, in any run, but for those that run after a failure. A task whose start it
   * rejects fails with that error.
   */
  readonly guard: (check: () => Promise<void>) => void
  /**
   * Has `end` awaited when a run fails or is interrupted, before the process ends: in any run, and behind `deploy:failed`
   * where that runs.
   */
  readonly whenFailed: (end: () => Promise<void>) => void
  /**
   * Has `provide` asked right before servers make a release live. It may reject, which stops that, or give a
   * {@link Fence} for the servers to check in the same step. There is one; a later one takes its place.
   */
  readonly fence: (provide: () => Promise<Fence | undefined>) => void
  /**
   * Has `restore` asked, in a rollback, to bring a release to servers that lack it: into `releases/.staging-<name>` in
   * `deployTo`, where it is linked and made a release afterwards. It rejects if it can't, with what to do. There is one; a
   * later one takes its place.
   */
  readonly restoreRelease: (restore: RestoreRelease) => void
  /** The flow that is running, if one is. */
  readonly flow: () => Flow | undefined
  /** Names of the hooks, and of what they depend on, that run with a task: on it, on its dependencies, and on each other. */
  readonly hooksOf: (task: string) => readonly string[]
  /**
   * Names of the tasks, but for the flow's own, that see what the task that asks has done before `task` does: those that are
   * to run ahead of it, and those that invoked the task that asks.
   */
  readonly tasksUntil: (task: string) => readonly string[]
  /** Whether a task is part of the run, by itself or in what a running task invokes. */
  readonly isPartOfRun: (task: string) => boolean
  /** Aborted when the run fails or is interrupted: pass it to whatever takes long. */
  readonly signal: () => AbortSignal
}
