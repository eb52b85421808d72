import type { z } from 'zod'
import type { Release } from '../flow/releases.js'
import type { Print } from '../inspection/output.js'
import type { Check } from '../run/checks.js'
import type { Run } from '../run/run.js'
import type { EnvironmentConfig, TaskFunction } from '../shipit/shipit.js'
import type { Host } from '../ssh/host.js'

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

/**
 * The place of a deploy in the order of those that had the lock. Servers keep the highest number of each scope in
 * `deployTo`, and refuse to publish for a lower one.
 */
export interface FencingToken {
  /** Whose numbers these are, one word: numbers of two scopes are not compared. */
  readonly scope: string
  /** A whole number, from 1. */
  readonly number: number
}

/** Brings a release's files to servers. */
export type RestoreRelease = (hosts: readonly Host[], release: Release) => Promise<void>

/**
 * Where a deploy lock can be kept that more machines see than this one: a `LockStore` of shipit-deploy-locker, with what
 * keeps it, for people; a folder that they share; or why there is no such place.
 */
export type LockOffer =
  | { readonly store: unknown; readonly description: string }
  | { readonly folder: string }
  | { readonly reason: string }

/**
 * What plugins build on: `capistrano(shipit).plugin`. Of what there can be only one of, a second one is an error
 * (`E_PLUGIN`); all else adds up.
 */
export interface PluginApi {
  /** What is going on: the run that the code which asks is part of. */
  readonly run: Run
  /** Something that each run has one of: made when it is first asked for, and forgotten with the run. */
  readonly perRun: <T>(create: (run: Run) => T) => () => T

  /**
   * Registers settings. They are checked when Shipit initialises, together with all others, and every mistake is
   * reported in one error. Returns a function that gives the checked settings from then on.
   * @throws {DeployError} `E_PLUGIN` if the key is taken
   */
  readonly settings: <S extends z.ZodType>(section: SettingsSection<S>) => () => z.output<S>
  /**
   * Takes the place of one of the flow's tasks, also when shipit-deploy is loaded later; never of the user's own.
   * @throws {DeployError} `E_PLUGIN` if another plugin has taken it
   */
  readonly replace: (name: string, dependencies: readonly string[], fn?: TaskFunction) => void
  /** Has a task wait for all that stands before it, and all that stands behind wait for it, as is so with hooks. */
  readonly barrier: (task: string) => void
  /**
   * Makes a task's function one of the checks, which run before anything is changed. In a deploy, what it finds wrong is
   * reported at `deploy:check`, with what all others find; nothing but checks starts in between. Elsewhere it rejects at once.
   * It is given the servers that take releases, but for those that a check before it could not reach. What `isFinal` says
   * is final is no mistake to be reported with others: the run may not go on, and ends at once.
   */
  readonly check: (check: Check, isFinal?: (error: unknown) => boolean) => TaskFunction

  /**
   * Has `check` asked before each task starts, in any run, but for those that run after a failure. A task whose start it
   * rejects fails with that error.
   */
  readonly beforeTask: (check: () => Promise<void>) => void
  /**
   * Has `ask` asked right before servers make a release live. It may reject, which stops that, or give a
   * {@link FencingToken} for the servers to check in the same step; of all plugins, one may give one.
   */
  readonly beforePublish: (ask: () => Promise<FencingToken | undefined | void>) => void
  /**
   * Has `end` awaited when a run fails or is interrupted, before the process ends: in any run, and behind `deploy:failed`
   * where that runs.
   */
  readonly onAbort: (end: () => Promise<void>) => void
  /**
   * Has `restore` asked, in a rollback, to bring a release to servers that lack it: into `releases/.staging-<name>` in
   * `deployTo`, where it is linked and made a release afterwards. It rejects if it can't, with what to do.
   * @throws {DeployError} `E_PLUGIN` if there is one
   */
  readonly restoreRelease: (restore: RestoreRelease) => void
  /** Makes runs with a task {@link Run.kind} `pull`: nothing is built for them. */
  readonly pullTask: (task: string) => void

  /**
   * Offers a place for the deploy lock. Whoever locks asks for it with {@link PluginApi.offeredLock} when a lock is needed,
   * unless the settings name a place. `offer` rejects if that can't be known now, and resolves with undefined if there is
   * nothing to offer.
   * @throws {DeployError} `E_PLUGIN` if there is one
   */
  readonly offerLock: (offer: () => Promise<LockOffer | undefined>) => void
  /** Asks for what was offered; undefined if nothing was. @throws what the offer rejects with */
  readonly offeredLock: () => Promise<LockOffer | undefined>

  /** Adds a column for servers to `deploy:status`. @throws {DeployError} `E_PLUGIN` if there is one of that title */
  readonly statusColumn: (title: string, text: (host: Host) => Promise<string>) => void
  /** Adds a line for the whole to `deploy:status`. @throws {DeployError} `E_PLUGIN` if there is one of that title */
  readonly statusLine: (title: string, text: () => Promise<string>) => void
  /** Adds a line to `deploy:plan`. @throws {DeployError} `E_PLUGIN` if there is one of that title */
  readonly planLine: (title: string, text: () => Promise<string>) => void
  /**
   * Finds, for `deploy:plan`, the full commit id that a deploy would deploy; undefined if that is not known before.
   * @throws {DeployError} `E_PLUGIN` if another plugin does
   */
  readonly plannedRevision: (find: () => Promise<string | undefined>) => void
  /**
   * Prints what a task was asked for: `lines` in Shipit's log, or with `FORMAT=json` `data` as JSON, which is then all that is
   * on standard output.
   */
  readonly print: Print

  /** Names of the hooks, and of what they depend on, that run with a task: on it, on its dependencies, and on each other. */
  readonly hooksOf: (task: string) => readonly string[]
  /**
   * Names of the tasks, but for the flow's own, that see what the task that asks has done before `task` does: those that are
   * to run ahead of it, and those that invoked the task that asks.
   */
  readonly tasksUntil: (task: string) => readonly string[]
  /** The servers that `HOSTS` and `ROLES` leave out. @throws as {@link Capistrano.hosts} */
  readonly leftOut: () => readonly Host[]

  /** Folder of the application on servers: `deployTo` of the settings. Relative to where a session starts, or absolute. */
  readonly deployTo: () => string
  /** Folder of a release on servers. @default the run's. @throws {DeployError} `E_NO_RELEASE` before one is chosen */
  readonly releasePath: (release?: string) => string
  /** Folder on servers of what releases share; or of something in it. */
  readonly sharedPath: (...below: readonly string[]) => string
  /** What is deployed: `branch` of the settings. @default 'master' */
  readonly branch: () => string
}
