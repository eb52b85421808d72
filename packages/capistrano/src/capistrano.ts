import type { Place } from './graph/catalog.js'
import type { PluginApi } from './plugin/api.js'
import type { Host } from './ssh/host.js'
import type { OnOptions } from './ssh/on-hosts.js'
import type { TaskFunction } from './shipit/shipit.js'

/** Options of {@link Capistrano.desc}. */
export interface DescOptions {
  /** Where the task does its work, for `deploy:plan`. @default not shown */
  readonly runsOn?: Place
  /** Tasks that it may run with `invoke`, for `deploy:plan` and `deploy:tree`. @default [] */
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
   * Runs a task, by its full name, with its dependencies and hooks, from inside another task. Skips, and logs, what has
   * already run in this run, except for failed tasks and for a whole deploy or rollback after another one. Rejects with the
   * task's own error.
   * @throws {SequenceError} if there is no such task
   */
  (name: string): Promise<void>
  /** Runs a task even if it has already run; its dependencies and hooks are not repeated. Capistrano's `invoke!`. */
  readonly again: (name: string) => Promise<void>
}

/** Runs a function for each server. SSHKit's `on`. */
export interface On {
  /** @throws {ServersError} `E_SERVERS`, with every failed server, once all that were started have ended */
  <T>(hosts: readonly Host[], fn: (host: Host) => Promise<T>): Promise<T[]>
  /** @throws {ServersError} `E_SERVERS` */
  <T>(hosts: readonly Host[], options: OnOptions, fn: (host: Host) => Promise<T>): Promise<T[]>
}

/** Capistrano's DSL for one Shipit instance, for use in a shipitfile. */
export interface Capistrano {
  /** Defines a blocking task; in a namespace, its full name is prefixed with that. Rake's `task`. */
  readonly task: DefineTask
  /** Describes the task defined next, for `tasks` and `deploy:tree`. Rake's `desc`. */
  readonly desc: (text: string, options?: DescOptions) => void
  /**
   * Puts the tasks that `define` defines into a namespace. Names of dependencies and hooks in it resolve from the innermost
   * namespace out. Rake's `namespace`.
   */
  readonly namespace: (name: string, define: () => void) => void
  /** Runs `hook` right before `target` and its dependencies. With `fn`, also defines `hook`. Capistrano's `before`. */
  readonly before: (target: string, hook: string, fn?: TaskFunction) => void
  /** Runs `hook` right after `target`. With `fn`, also defines `hook`. Capistrano's `after`. */
  readonly after: (target: string, hook: string, fn?: TaskFunction) => void
  /** Runs a task from inside another. Capistrano's `invoke`. */
  readonly invoke: Invoke
  /**
   * The environment's servers, narrowed by `HOSTS` and `ROLES`.
   * @throws {DeployError} `E_NOT_INITIALIZED` before Shipit has initialised
   */
  readonly hosts: () => readonly Host[]
  /** Servers with any of the roles; all of them for `'all'`. Capistrano's `roles`. @throws as {@link Capistrano.hosts} */
  readonly roles: (...roles: readonly string[]) => readonly Host[]
  /** {@link Capistrano.roles} without `noRelease` servers. Capistrano's `release_roles`. */
  readonly releaseRoles: (...roles: readonly string[]) => readonly Host[]
  /** A role's server with `primary: true`, or its first server. Capistrano's `primary`. */
  readonly primary: (role: string) => Host | undefined
  /** Runs a function for each server, waits for all, and returns their results in order. SSHKit's `on`. */
  readonly on: On
  /** Aborted when the run fails or is interrupted: pass it to long-running work. */
  readonly signal: () => AbortSignal
  /** What plugins build on. */
  readonly plugin: PluginApi
}
