import { createHash } from 'node:crypto'
import { lstat, mkdir, readdir, readFile, readlink } from 'node:fs/promises'
import { join } from 'node:path'
import type { Stage } from '../support/stage.js'
import { shipitfile, type Mode, type Setup } from './modes.js'
import { lines, type Programs } from './programs.js'

/** Something that happened in a run. */
export interface Moment {
  /** `event fetched`, `task build started`, `note …`. */
  readonly what: string
  /** What plugins can read from Shipit then, by name. */
  readonly variables: Readonly<Record<string, string>>
}

/** What one run did, as its user sees it. Placeholders replace the names of releases and folders. */
export interface Observation {
  readonly status: number | string
  readonly moments: readonly Moment[]
  /** Entries of `current` on each server, by path: type, permissions and content. */
  readonly trees: Readonly<Record<string, Readonly<Record<string, string>>>>
  /** The folders in `releases` on each server. */
  readonly releases: Readonly<Record<string, readonly string[]>>
  /** Calls of stand-in programs so far. */
  readonly calls: readonly string[]
  readonly output: string
}

const STARTED = { task_start: 'started', task_stop: 'ended', task_err: 'failed' } as const

/** One set-up in one mode, on the servers of a stage. */
export class Subject {
  private readonly releases: string[] = []
  private readonly id: string
  private readonly project: string
  private run = 0

  constructor(
    private readonly stage: Stage,
    private readonly programs: Programs,
    private readonly repository: string,
    name: string,
    private readonly mode: Mode,
    private readonly setup: Setup,
  ) {
    this.id = `${name}-${mode}`
    this.project = join(stage.directory, 'existing', this.id)
  }

  private get deployTo(): string {
    return `srv/${this.id}`
  }

  /** Runs `shipit production <tasks>`. */
  async observe(tasks: string | readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Observation> {
    const { stage, project, programs } = this
    this.run += 1
    const trace = join(project, `trace-${this.run}`)
    const calls = join(project, 'calls')
    await mkdir(project, { recursive: true })
    const file = await stage.shipitfile(`${this.id}.cjs`, shipitfile(this.mode, this.setup))
    const { status, output } = await stage.run(
      tasks,
      {
        ...programs.env(calls),
        TRACE: trace,
        DEPLOY_TO: this.deployTo,
        DATABASE: this.id,
        REPOSITORY_URL: this.repository,
        SERVERS: JSON.stringify(stage.fleet.servers.slice(0, this.setup.servers ?? 1)),
        LOCAL_BASE_PATH: join(project, 'local'),
        PROJECT: project,
        WORKSPACE: join(project, 'workspace'),
        S3_PREFIX: this.id,
        ...env,
      },
      file,
    )
    const trees: Record<string, Record<string, string>> = {}
    const releases: Record<string, string[]> = {}
    for (const { name, home } of stage.fleet.hosts) {
      const root = join(home, this.deployTo)
      const names = await entries(join(root, 'releases'))
      releases[name] = names.map((each) => this.plain(each))
      const target = await readlink(join(root, 'current')).catch(() => undefined)
      trees[name] = {
        ...(target === undefined ? {} : await this.tree(join(root, target))),
        ...prefixed('../../shared', await this.tree(join(root, 'shared'))),
      }
    }
    return {
      status,
      moments: (await lines(trace)).map((line) => this.moment(JSON.parse(line) as Traced)),
      trees,
      releases,
      calls: [...(await lines(calls)), ...(await programs.calls(this.id))]
        // Programs in a pipe start in any order.
        .map((call) => this.plain(call, join(project, 'workspace')))
        .toSorted(),
      output,
    }
  }

  private moment({ event = '', task, note, variables = {}, ...more }: Traced): Moment {
    const workspace = variables['workspace']
    const show = (value: unknown): string =>
      value === undefined ? 'undefined' : this.plain(JSON.stringify(value), workspace)
    const state = STARTED[event as keyof typeof STARTED]
    const happened = state ? `task ${task} ${state}` : `event ${event}`
    return {
      what: note === undefined ? happened : `note ${note} ${show(more)}`,
      variables: Object.fromEntries(Object.entries(variables).map(([name, value]) => [name, show(value)])),
    }
  }

  /** Replaces everything that differs between runs and between modes. */
  private plain(text: string, workspace?: unknown): string {
    const shown = typeof workspace === 'string' ? text.replaceAll(workspace, '<workspace>') : text
    return shown
      .replaceAll(this.deployTo, '<deployTo>')
      .replaceAll(this.project, '<project>')
      .replaceAll(this.id, '<id>')
      .replaceAll(/\/tmp\/tmp-[\w-]+/g, '<workspace>')
      .replaceAll(/<project>\/local\/releases\/\d{14}/g, '<workspace>')
      .replaceAll(/-\d{14}\.sql/g, '-<time>.sql')
      .replaceAll(/\b\d{14}\b/g, (release) => `<release ${this.known(release)}>`)
  }

  /** The release's position among those seen so far. */
  private known(release: string): number {
    if (!this.releases.includes(release)) this.releases.push(release)
    return this.releases.indexOf(release) + 1
  }

  private async tree(root: string, folder = ''): Promise<Record<string, string>> {
    const found: Record<string, string> = {}
    for (const name of await entries(join(root, folder))) {
      const path = join(folder, name)
      const shown = this.plain(path).replaceAll(/(^|\/)tmp-[\w-]+/g, '$1<workspace>')
      const stats = await lstat(join(root, path))
      const mode = (stats.mode & 0o777).toString(8)
      if (stats.isSymbolicLink()) found[shown] = `link to ${this.plain(await readlink(join(root, path)))}`
      else if (stats.isFile()) {
        const content = await readFile(join(root, path))
        found[shown] = `file ${mode} ${createHash('sha256').update(content).digest('hex').slice(0, 12)}`
      } else {
        found[shown] = `folder ${mode}`
        // The content of .git differs between clones.
        if (name !== '.git') Object.assign(found, await this.tree(root, path))
      }
    }
    return found
  }
}

/** Names in a folder, sorted; empty if it does not exist. */
async function entries(folder: string): Promise<string[]> {
  return (await readdir(folder).catch((): string[] => [])).toSorted((a, b) => (a < b ? -1 : 1))
}

function prefixed(folder: string, tree: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(tree).map(([path, entry]) => [`${folder}/${path}`, entry]))
}

/** A line of a shipitfile's trace. */
interface Traced {
  readonly event?: string
  readonly task?: string
  readonly note?: string
  readonly variables?: Record<string, unknown>
  readonly [more: string]: unknown
}
