import type { z } from 'zod'
import type { Host } from './ssh/host.js'
import type { TaskFunction } from './shipit.js'

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
}

/** Options of {@link Capistrano.on}. */
export interface OnOptions {
  /** Servers at the same time. @default `maxConnections` */
  readonly limit?: number
}

/** Capistrano's DSL for one Shipit instance, and what plugins build on. */
export interface Capistrano {
  /** Defines a task; other tasks wait while it runs. Rake's `task`. */
  readonly task: (name: string, dependencies?: readonly string[] | TaskFunction, fn?: TaskFunction) => void
  /** Runs `hook` right before `target` and its dependencies. With `fn`, defines `hook` on the spot. Capistrano's `before`. */
  readonly before: (target: string, hook: string, fn?: TaskFunction) => void
  /** Runs `hook` right after `target`. With `fn`, defines `hook` on the spot. Capistrano's `after`. */
  readonly after: (target: string, hook: string, fn?: TaskFunction) => void
  /**
   * Runs a task with its dependencies and hooks from inside another task; what ran already in this run is not run again.
   * Rejects with the task's own error. Capistrano's `invoke`.
   */
  readonly invoke: (name: string) => Promise<void>
  /** Every server of the environment. @throws {DeployError} `E_NOT_INITIALIZED` before Shipit has initialised. */
  readonly hosts: () => readonly Host[]
  /**
   * Runs `fn` for each server, bounded in number, waits for all of them, and returns their results in order.
   * @throws {ServersError} `E_SERVERS`, with every server that failed, once all have ended.
   */
  readonly on: <T>(
    hosts: readonly Host[],
    fn: (host: Host) => Promise<T>,
    options?: OnOptions,
  ) => Promise<T[]>
  /**
   * Registers settings. They are checked when Shipit initialises, together with all others, and every mistake is
   * reported in one error. Returns a function that gives the checked settings from then on.
   */
  readonly settings: <S extends z.ZodType>(section: SettingsSection<S>) => () => z.output<S>
  /** Takes the place of one of the flow's tasks, also when shipit-deploy is loaded later. */
  readonly replace: (name: string, dependencies: readonly string[], fn?: TaskFunction) => void
  /** The flow that is running, if one is. */
  readonly flow: () => Flow | undefined
  /** Aborted when the run fails or is interrupted: pass it to whatever takes long. */
  readonly signal: () => AbortSignal
}
