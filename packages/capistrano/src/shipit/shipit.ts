import type { EventEmitter } from 'node:events'
import type { ChildProcess } from 'node:child_process'

/** An object in `servers` (ssh-pool's `remote`). */
export interface ServerSettings {
  host: string
  /** Its name in the log. @default the host, with its port if that is not 22 */
  name?: string
  /** @default 'deploy' */
  user?: string
  /** @default 22 */
  port?: number
  /** What it does: `'web'`, `['app', 'db']`. Capistrano's roles. @default [] */
  roles?: string | readonly string[]
  /** Takes no releases: none of the deploy's own tasks touches it. Capistrano's `no_release`. @default false */
  noRelease?: boolean
  /** The server that `primary(role)` returns. Capistrano's `primary`. @default false */
  primary?: boolean
  /** Options for `ssh -o`, by name. */
  extraSshOptions?: Record<string, string | number>
  /** Any property of your own. */
  [property: string]: unknown
}

/**
 * Settings of a Shipit environment, with `default` merged in.
 * Each plugin adds its own key by module augmentation.
 */
export interface EnvironmentConfig {
  /** Name of the application; names locks and archives. Capistrano's `application`. */
  application?: string
  /**
   * The application's folder on every server; `shop` and `~/shop` are in the login user's home. Capistrano's `deploy_to`.
   */
  deployTo?: string
  /** URL for `git clone`. Without one, or with an empty one, the workspace is pushed as it is. Capistrano's `repo_url`. */
  repositoryUrl?: string
  /** Branch, tag or commit id to deploy. Capistrano's `branch`. @default 'master' */
  branch?: string
  /** Local folder to build in. shipit-deploy's, which replaces it unless `shallowClone` is false. */
  workspace?: string
  /** Make a separate workspace for each deploy, with one commit. shipit-deploy's. @default true */
  shallowClone?: boolean
  /** Keep the workspace after the deploy. shipit-deploy's. @default false */
  keepWorkspace?: boolean
  /** Folder of the workspace that is deployed. shipit-deploy's. @default all of it */
  dirToCopy?: string
  /** What not to deploy, as patterns for rsync's `--exclude`. shipit-deploy's. @default [] */
  ignores?: readonly string[]
  /**
   * Number of most recently live releases to keep on each server; also as text, for environment variables.
   * Capistrano's `keep_releases`. @default 5
   */
  keepReleases?: number | string
  /** Remove the release that a rollback came from. shipit-deploy's. @default false */
  deleteOnRollback?: boolean
  /** Also deploy submodules. shipit-deploy's. @default false */
  updateSubmodules?: boolean
  /** More git configuration: `{ 'http.proxy': '…' }`. shipit-deploy's. @default {} */
  gitConfig?: Readonly<Record<string, string>>
  /** How `pending` shows a commit, in `git log`'s `--pretty=format:`. shipit-deploy's. @default '%h: %s - %an' */
  gitLogFormat?: string
  /** Files in `shared` that each release links to, by their paths in the release. Capistrano's `linked_files`. @default [] */
  linkedFiles?: readonly string[]
  /** Folders in `shared` that each release links to. Capistrano's `linked_dirs`. @default [] */
  linkedDirs?: readonly string[]
  /** Where to deploy to. Capistrano's `server` and `role`. */
  servers?: string | ServerSettings | readonly (string | ServerSettings)[]
  /** Path of the private key for ssh. */
  key?: string
  /** User to become on the servers, with `sudo`. */
  asUser?: string
  /** ssh's `StrictHostKeyChecking`. @default ssh's own */
  strict?: 'yes' | 'no' | 'accept-new' | (string & {})
  /** One shared connection per server (OpenSSH's ControlMaster). @default true */
  sshMultiplexing?: boolean
  /** Seconds to wait for a server that does not answer. @default 15 */
  connectTimeout?: number
  /** Maximum number of parallel servers. @default 100 */
  maxConnections?: number
  [setting: string]: unknown
}

/** Argument of `shipit.initConfig`: settings by environment, and `default` for all. */
export type ShipitConfig = Record<string, EnvironmentConfig>

/** A task's function in Orchestrator: plain, or with a promise, stream or callback. */
export type TaskFunction = (done: (error?: unknown) => void) => unknown

/** A task in Orchestrator's table. */
export interface Task {
  readonly name: string
  dep: string[]
  fn: TaskFunction
  blocking?: boolean
  running?: boolean
  done?: boolean
  /** It ended with an error. Orchestrator also sets `done` then. */
  failed?: boolean
  args?: object
  duration?: number
  hrDuration?: [number, number]
}

/** A server's connection in ssh-pool. */
export interface SshPoolConnection {
  readonly remote: ServerSettings
  readonly options: { key?: string; asUser?: string; strict?: string; verbosityLevel?: number }
  log(...words: unknown[]): void
  run(command: string, options?: object): Promise<ExecResult>
  runLocally(command: string, options?: object): Promise<ExecResult>
  autoCopyToRemote(source: string, destination: string, options?: object): Promise<unknown>
  buildSSHCommand(command: string, options?: object): string
  rsyncCopy(source: string, destination: string, options?: object): Promise<unknown>
  copyToRemote(source: string, destination: string, options?: object): Promise<unknown>
  copyFromRemote(source: string, destination: string, options?: object): Promise<unknown>
  scpCopyToRemote(source: string, destination: string, options?: object): Promise<unknown>
  scpCopyFromRemote(source: string, destination: string, options?: object): Promise<unknown>
}

/** Result of Shipit's own local or remote commands. */
export interface ExecResult {
  child: ChildProcess
  stdout: string
  stderr: string
}

/** The part of a Shipit instance (shipit-cli 5.3, with Orchestrator below it) that plugins and shipitfiles use. */
export interface Shipit extends EventEmitter {
  environment: string
  config: EnvironmentConfig
  globalConfig: ShipitConfig
  tasks: Record<string, Task>
  seq: string[]
  isRunning: boolean
  pool: { connections: SshPoolConnection[] }
  initConfig(config: ShipitConfig): this
  initialize(): this
  start(...tasks: (string | string[])[]): this
  stop(error?: unknown, successful?: boolean): void
  task(name: string, dependencies?: readonly string[] | TaskFunction, fn?: TaskFunction): unknown
  blTask(name: string, dependencies?: readonly string[] | TaskFunction, fn?: TaskFunction): unknown
  /** shipit-deploy's; the release that most servers have live. */
  getCurrentReleaseDirname?: () => Promise<string | null>
  /** shipit-deploy's; the releases that are on every server, newest first. */
  getReleases?: () => Promise<string[]>
  /** @throws {CommandError} whose `name` is `E_COMMAND`, and whose `code` is the exit status */
  local(command: string, options?: object): Promise<ExecResult>
  /** @throws {HostError} whose `name` is `E_SERVER`, and whose `code` is the exit status; or `E_UNREACHABLE`. Copies throw the same. */
  remote(command: string, options?: object): Promise<ExecResult[]>
  copyToRemote(source: string, destination: string, options?: object): Promise<unknown>
  copyFromRemote(source: string, destination: string, options?: object): Promise<unknown>
  log(...args: unknown[]): void

  /** Name of the release that is being deployed or rolled back to: `'20261123201530'` (UTC). Set by the flow. */
  releaseDirname?: string
  /** Its folder on the servers. */
  releasePath?: string
  /** `${deployTo}/releases`. */
  releasesPath?: string
  /** `${deployTo}/current`. */
  currentPath?: string
  /** Full commit id that is being deployed. */
  currentRevision?: string
  /** Full commit id that most servers ran before, or null. */
  previousRevision?: string | null
  /** Name of the release that most servers ran before, or null. */
  previousRelease?: string | null
  /** Name of the release that a rollback leaves. Set by `rollback:init`. */
  prevReleaseDirname?: string
  /** Its folder on the servers. */
  prevReleasePath?: string
  /** Local folder with what is being deployed. */
  workspace?: string
}
