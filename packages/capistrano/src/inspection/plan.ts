import type { Place } from '../graph/catalog.js'
import { columns } from './columns.js'

/** A task of a plan. */
export interface PlannedTask {
  readonly task: string
  readonly description?: string
  /** Absent if unknown. */
  readonly runsOn?: Place
  /** What it is hooked on: `'before deploy:starting'`. */
  readonly hooks: readonly string[]
  /** The task that may invoke it. */
  readonly during?: string
}

/** A server of a plan. */
export interface PlannedServer {
  readonly server: string
  readonly roles: readonly string[]
  /** Whether it takes releases. */
  readonly release: boolean
  /** Name of the release that is live, or null. */
  readonly currentRelease: string | null
  /** Full commit id that is live, or null. */
  readonly currentRevision: string | null
  /** Why it could not be queried. */
  readonly error?: string
}

/** What a deploy would do. */
export interface Plan {
  readonly environment: string
  readonly branch: string
  /** Full commit id that would be deployed, or null if unknown until fetched. */
  readonly revision: string | null
  readonly servers: readonly PlannedServer[]
  /** In running order, without tasks that only group others. */
  readonly tasks: readonly PlannedTask[]
  /** Plugins' lines, by title. */
  readonly more: Readonly<Record<string, string>>
}

/** A plan as lines for people. */
export function renderPlan({ environment, branch, revision, servers, tasks, more }: Plan): string[] {
  return [
    `Plan for deploying ${branch} to ${environment}; nothing is changed.`,
    `Revision: ${revision ?? 'unknown until the repository is fetched'}`,
    ...Object.entries(more).map(([title, text]) => `${title}: ${text}`),
    '',
    `Servers (${servers.length}):`,
    ...indented(columns(servers.map((server) => [server.server, shownState(server), shownNotes(server)]))),
    '',
    `Tasks (${tasks.length}), in order:`,
    ...indented(
      columns(
        tasks.map((task, index) => [
          shownName(task, index, tasks.length),
          task.runsOn ?? '',
          shownTask(task),
        ]),
      ),
    ),
  ]
}

function shownState({ currentRelease, currentRevision, error }: PlannedServer): string {
  if (error) return `can't be queried: ${error}`
  if (currentRelease === null) return 'nothing deployed yet'
  return currentRevision
    ? `now ${currentRevision} (release ${currentRelease})`
    : `now release ${currentRelease}`
}

function shownNotes({ roles, release }: PlannedServer): string {
  const notes = [
    ...(roles.length > 0 ? [`roles ${roles.join(', ')}`] : []),
    ...(release ? [] : ['takes no releases']),
  ]
  return notes.length > 0 ? `[${notes.join('; ')}]` : ''
}

function shownName({ task }: PlannedTask, index: number, total: number): string {
  return `${String(index + 1).padStart(String(total).length)}. ${task}`
}

function shownTask({ description, hooks, during }: PlannedTask): string {
  const notes = [...hooks, ...(during === undefined ? [] : [`during ${during}`])].map((note) => `(${note})`)
  return [...(description === undefined ? [] : [description]), ...notes].join(' ')
}

function indented(lines: readonly string[]): string[] {
  return lines.map((line) => `  ${line}`)
}
