import type { Place } from './graph/catalog.js'
import type { PluginApi } from './plugin/api.js'
import type { Host } from './ssh/host.js'
import type { OnOptions } from './ssh/on-hosts.js'
import type { TaskFunction } from './shipit/shipit.js'

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

/** Capistrano's DSL for one Shipit instance: what a shipitfile uses. */
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
  /** Those that have one of the roles; all of them for `'all'`. Capistrano's `roles`. @throws as {@link Capistrano.hosts} */
  readonly roles: (...roles: readonly string[]) => readonly Host[]
  /** Those of {@link Capistrano.roles} that take releases: not `noRelease`. Capistrano's `release_roles`. */
  readonly releaseRoles: (...roles: readonly string[]) => readonly Host[]
  /** A role's server with `primary: true`, or its first one. Capistrano's `primary`. */
  readonly primary: (role: string) => Host | undefined
  /** Runs a function for each server, waits for all, and returns their results in order. SSHKit's `on`. */
  readonly on: On
  /** Aborted when the run fails or is interrupted: pass it to whatever takes long. */
  readonly signal: () => AbortSignal
  /** What plugins build on. */
  readonly plugin: PluginApi
}
