import { createHash } from 'node:crypto'
import { lstat, mkdir, readdir, readFile, readlink, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Stage } from '../support/stage.js'
import { shipitfile, type Mode, type Setup } from './modes.js'

/** Something that happened in a run, in order. */
export interface Moment {
  /** `event fetched`, `task build started`, `note …`. */
  readonly what: string
  /** What plugins read of Shipit then, by name. */
  readonly variables: Readonly<Record<string, string>>
}

/** What one run did, as far as its user can tell. Names of releases and folders are replaced by what they stand for. */
export interface Observation {
  readonly status: number | string
  readonly moments: readonly Moment[]
  /** Entries of `current` on each server, by path: kind, permissions and content. */
  readonly trees: Readonly<Record<string, Readonly<Record<string, string>>>>
  /** The folders of `releases` on each server. */
  readonly releases: Readonly<Record<string, readonly string[]>>
  /** What stand-ins for programs were called with, in order. */
  readonly calls: readonly string[]
  readonly output: string
}

const STARTED = { task_start: 'started', task_stop: 'ended', task_err: 'failed' } as const

/** One set-up in one mode, on the servers of a stage. */
export class Subject {
  private readonly releases: string[] = []
  private readonly directory: string
  private run = 0

  constructor(
    private readonly stage: Stage,
    private readonly name: string,
    readonly mode: Mode,
    private readonly setup: Setup,
    private readonly repository: string,
  ) {
    this.directory = join(stage.directory, 'existing', `${name}-${mode}`)
  }

  private get deployTo(): string {
    return `srv/${this.name}-${this.mode}`
  }

  /** Runs `shipit production <task>`. */
  async observe(task: string, env: NodeJS.ProcessEnv = {}): Promise<Observation> {
    const { stage, directory } = this
    this.run += 1
    const trace = join(directory, `trace-${this.run}`)
    const calls = join(directory, `calls-${this.run}`)
    await mkdir(directory, { recursive: true })
    const file = await stage.shipitfile(`${this.name}-${this.mode}.cjs`, shipitfile(this.mode, this.setup))
    const { status, output } = await stage.run(
      task,
      {
        TRACE: trace,
        CALLS: calls,
        DEPLOY_TO: this.deployTo,
        REPOSITORY_URL: this.repository,
        LOCAL_BASE_PATH: join(directory, 'local'),
        WORKSPACE: join(directory, 'workspace'),
        S3_PREFIX: this.name,
        PATH: `${join(stage.directory, 'existing/bin')}:${stage.env['PATH']}`,
        ...env,
      },
      file,
    )
    const hosts = stage.fleet.hosts
    const trees: Record<string, Record<string, string>> = {}
    const releases: Record<string, string[]> = {}
    const remoteCalls: string[] = []
    for (const { name, home } of hosts) {
      const root = join(home, this.deployTo)
      const names = await readdir(join(root, 'releases')).catch(() => [])
      for (const each of names.toSorted()) this.known(each)
      releases[name] = names.toSorted().map((each) => this.plain(each))
      const target = await readlink(join(root, 'current')).catch(() => undefined)
      trees[name] = target === undefined ? {} : await this.tree(join(root, target))
      const log = join(home, 'calls')
      const lines = (await readFile(log, 'utf8').catch(() => '')).split('\n')
      remoteCalls.push(
        ...lines.filter((line) => line.includes(`${this.deployTo}/`)).map((line) => `@${name} ${line}`),
      )
    }
    const localCalls = (await readFile(calls, 'utf8').catch(() => '')).split('\n').filter(Boolean)
    const moments = (await readFile(trace, 'utf8').catch(() => ''))
      .split('\n')
      .filter(Boolean)
      .map((line) => this.moment(JSON.parse(line) as Traced))
    return {
      status,
      moments,
      trees,
      releases,
      calls: [...localCalls, ...remoteCalls].map((call) => this.plain(call)),
      output,
    }
  }

  private moment({ event = '', task, error, note, variables = {}, ...more }: Traced): Moment {
    const shown = Object.entries(variables).map(([name, value]) => [
      name,
      value === undefined ? 'undefined' : this.plain(JSON.stringify(value), variables['workspace']),
    ])
    const state = STARTED[event as keyof typeof STARTED]
    const what =
      note === undefined
        ? state
          ? `task ${task} ${state}`
          : `event ${event}`
        : `note ${note} ${this.plain(JSON.stringify(more), variables['workspace'])}`
    return {
      what: error === undefined ? what : what,
      variables: Object.fromEntries(shown) as Record<string, string>,
    }
  }

  /** A text without what differs from run to run. */
  private plain(text: string, workspace?: unknown): string {
    let shown = text.replaceAll(this.deployTo, '<deployTo>').replaceAll(this.directory, '<project>')
    if (typeof workspace === 'string')
      shown = shown.replaceAll(workspace.replaceAll(this.directory, '<project>'), '<workspace>')
    return shown
      .replaceAll(/\/tmp\/tmp-[\w-]+/g, '<workspace>')
      .replaceAll(/<project>\/local\/releases\/\d{14}/g, '<workspace>')
      .replaceAll(/\b\d{14}\b/g, (release) => `<release ${this.known(release)}>`)
  }

  private known(release: string): number {
    if (!/^\d{14}$/.test(release)) return 0
    if (!this.releases.includes(release)) this.releases.push(release)
    return this.releases.indexOf(release) + 1
  }

  private async tree(root: string, folder = ''): Promise<Record<string, string>> {
    const found: Record<string, string> = {}
    for (const name of (await readdir(join(root, folder)).catch(() => [])).toSorted()) {
      const path = join(folder, name)
      const stats = await lstat(join(root, path))
      const mode = (stats.mode & 0o777).toString(8)
      if (stats.isSymbolicLink()) found[path] = `link to ${this.plain(await readlink(join(root, path)))}`
      else if (stats.isDirectory()) {
        found[path] = `folder ${mode}`
        if (path !== '.git') Object.assign(found, await this.tree(root, path))
      } else {
        const content = await readFile(join(root, path))
        found[path] = `file ${mode} ${createHash('sha256').update(content).digest('hex').slice(0, 12)}`
      }
    }
    return found
  }

  /** Removes what it left on this machine. */
  async remove(): Promise<void> {
    await rm(this.directory, { recursive: true, force: true })
  }
}

interface Traced {
  readonly event?: string
  readonly task?: string
  readonly error?: string
  readonly note?: string
  readonly variables?: Record<string, unknown>
  readonly [more: string]: unknown
}
