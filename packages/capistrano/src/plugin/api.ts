import type { z } from 'zod'
import type { Release } from '../flow/releases.js'
import type { Print } from '../inspection/output.js'
import type { Check } from '../run/checks.js'
import type { Run } from '../run/run.js'
import type { Asking } from '../run/trips.js'
import type { EnvironmentConfig, TaskFunction } from '../shipit/shipit.js'
import type { Host } from '../ssh/host.js'

/** A plugin's own settings: one key of the environment's config. */
export interface SettingsSection<S extends z.ZodType> {
  /** Key in the environment's config: `'netStorage'`. */
  readonly key: string
  /** Shape and defaults. Use `z.strictObject` to reject unknown keys. */
  readonly schema: S
  /** Other settings that must be set: `['application']`. @default [] */
  readonly requires?: readonly string[]
  /** Returns a message for each mistake in other settings that matters to this section. @default none */
  readonly mistakes?: (config: EnvironmentConfig) => readonly string[]
}

/**
 * A deploy's position among those that have held the lock. Servers keep each scope's highest number in `deployTo`, and refuse
 * to publish with a lower one.
 */
export interface FencingToken {
  /** Names the sequence of numbers, in one word: numbers of different scopes are not compared. */
  readonly scope: string
  /** A whole number, from 1. */
  readonly number: number
}

/** Brings a release's files to servers. */
export type RestoreRelease = (hosts: readonly Host[], release: Release) => Promise<void>

/**
 * A place for a deploy lock that other machines share: a `LockStore` of shipit-deploy-locker, with a description for people; a
 * shared folder; or the reason why there is none.
 */
export type LockOffer =
  | { readonly store: unknown; readonly description: string }
  | { readonly folder: string }
  | { readonly reason: string }

/**
 * What plugins build on: `capistrano(shipit).plugin`. Registrations add up, except where only one is possible: there, a second
 * one throws `E_PLUGIN`.
 */
export interface PluginApi {
  /** The run that the calling code is part of. */
  readonly run: Run
  /** Returns a getter for a value per run, created on first use and dropped with the run. */
  readonly perRun: <T>(create: (run: Run) => T) => () => T

  /**
   * Registers settings. They are checked together with all others when Shipit initialises, and all mistakes are reported in
   * one error. Returns a getter for the checked settings, which works from then on.
   * @throws {DeployError} `E_PLUGIN` if the key is taken
   */
  readonly settings: <S extends z.ZodType>(section: SettingsSection<S>) => () => z.output<S>
  /**
   * Replaces one of the flow's tasks, even if shipit-deploy is loaded later, but never the user's own.
   * @throws {DeployError} `E_PLUGIN` if another plugin has replaced it
   */
  readonly replace: (name: string, dependencies: readonly string[], fn?: TaskFunction) => void
  /** Makes a task a barrier, like a hook: it waits for everything before it, and everything after waits for it. */
  readonly barrier: (task: string) => void
  /**
   * Makes the function of a check task; checks run before anything is changed. In a deploy, its errors are reported at
   * `deploy:check`, together with those of other checks; only checks start in between. Elsewhere it rejects immediately. It
   * gets the servers that take releases, without those that an earlier check could not reach; and `ask`, which does something
   * on servers as `on` does, in one round trip with what other checks ask. Errors for which `isFinal` returns true are not
   * held back: they end the run immediately.
   */
  readonly check: (check: Check, isFinal?: (error: unknown) => boolean) => TaskFunction

  /**
   * Makes the function of a task that may be held back once it asks servers: until the task `until`, or the end of
   * {@link PluginApi.inOrder}, so that what several tasks ask travels in one round trip. It is done before any task starts that
   * is not made by this function or `check`, and immediately if `until` does not run later, if `unless` returns true, or if
   * listeners watch tasks begin or end.
   */
  readonly joins: (run: Asking, until?: string, unless?: () => boolean) => TaskFunction
  /**
   * Runs code whose work on servers is done in order, and in one round trip: a server does what the calling code and the tasks
   * that it invokes join only if everything before that has succeeded there.
   * @throws {ServersError} `E_SERVERS`
   */
  readonly inOrder: (run: (join: (run: Asking) => Promise<void>) => Promise<void>) => Promise<void>

  /**
   * Calls `check` before each task starts, in any run, except for tasks that run after a failure. If it rejects, the task fails
   * with that error.
   */
  readonly beforeTask: (check: () => Promise<void>) => void
  /**
   * Calls `ask` right before servers make a release live. It may reject, which prevents that, or return a
   * {@link FencingToken} for the servers to check in the same step; only one plugin may return one.
   */
  readonly beforePublish: (ask: () => Promise<FencingToken | undefined | void>) => void
  /**
   * Awaits `end` when any run fails or is interrupted, before the process ends, and after `deploy:failed` if that runs.
   */
  readonly onAbort: (end: () => Promise<void>) => void
  /**
   * Calls `restore`, in a rollback, to bring a release to servers that lack it: into `releases/.staging-<name>` in `deployTo`,
   * which is then linked and made a release. If it can't, it rejects with advice on what to do.
   * @throws {DeployError} `E_PLUGIN` if one is registered
   */
  readonly restoreRelease: (restore: RestoreRelease) => void
  /** Gives runs with a task the {@link Run.kind} `pull`: nothing is built for them. */
  readonly pullTask: (task: string) => void

  /**
   * Offers a place for the deploy lock, used through {@link PluginApi.offeredLock} unless the settings name a place. `offer`
   * rejects if that can't be determined now, and resolves with undefined if there is nothing to offer.
   * @throws {DeployError} `E_PLUGIN` if one is registered
   */
  readonly offerLock: (offer: () => Promise<LockOffer | undefined>) => void
  /** Returns the offer; undefined if there is none. @throws what the offer rejects with */
  readonly offeredLock: () => Promise<LockOffer | undefined>

  /**
   * Keeps the timelines of deploys and rollbacks in a folder of this machine, for `deploy:timeline`.
   * @throws {DeployError} `E_PLUGIN` if one is registered
   */
  readonly timelineFolder: (folder: () => string) => void

  /** Adds a column to `deploy:status`. @throws {DeployError} `E_PLUGIN` if the title is taken */
  readonly statusColumn: (title: string, text: (host: Host) => Promise<string>) => void
  /** Adds a line to `deploy:status`. @throws {DeployError} `E_PLUGIN` if the title is taken */
  readonly statusLine: (title: string, text: () => Promise<string>) => void
  /** Adds a line to `deploy:plan`. @throws {DeployError} `E_PLUGIN` if the title is taken */
  readonly planLine: (title: string, text: () => Promise<string>) => void
  /**
   * Registers how `deploy:plan` finds the full commit id that a deploy would deploy; `find` returns undefined if unknown.
   * @throws {DeployError} `E_PLUGIN` if one is registered
   */
  readonly plannedRevision: (find: () => Promise<string | undefined>) => void
  /**
   * Prints a task's result: `lines` in Shipit's log; or alone on standard output, with `FORMAT=json` `data` as JSON, and with
   * `FORMAT=html` the `page`.
   * @throws {DeployError} `E_FORMAT` with `FORMAT=html` if there is no page
   */
  readonly print: Print

  /** Names of the hooks that run with a task (on it, on its dependencies, and on each other), and of their dependencies. */
  readonly hooksOf: (task: string) => readonly string[]
  /**
   * Names of the tasks, except the flow's own, that see the calling task's results before `task` does: those that run before
   * `task`, and those that invoked the calling task.
   */
  readonly tasksUntil: (task: string) => readonly string[]
  /** Listeners, other than Shipit's own, that watch tasks begin or end, for messages. */
  readonly taskWatchers: () => readonly string[]
  /** The servers that `HOSTS` and `ROLES` leave out. @throws as {@link Capistrano.hosts} */
  readonly leftOut: () => readonly Host[]

  /** The application's folder on servers, from the `deployTo` setting: absolute, or relative to where a session starts. */
  readonly deployTo: () => string
  /** A release's folder on servers. @default the run's. @throws {DeployError} `E_NO_RELEASE` before one is chosen */
  readonly releasePath: (release?: string) => string
  /** The shared folder on servers, or a path in it. */
  readonly sharedPath: (...below: readonly string[]) => string
  /** The `branch` setting. @default 'master' */
  readonly branch: () => string
}
