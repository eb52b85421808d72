import type { Place } from '../graph/catalog.js'

/** One task of a plan. */
export interface PlannedTask {
  readonly task: string
  readonly description?: string
  /** Absent if the task does not tell. */
  readonly runsOn?: Place
  /** What it is hooked on: `'before deploy:starting'`. */
  readonly hooks: readonly string[]
  /** The task that runs it, if it is needed. */
  readonly during?: string
}

/** One server of a plan. */
export interface PlannedServer {
  readonly server: string
  readonly roles: readonly string[]
  /** Whether releases go there. */
  readonly release: boolean
  /** Name of the release that is live, or null. */
  readonly currentRelease: string | null
  /** Full commit id that is live, or null. */
  readonly currentRevision: string | null
  /** Why it could not be asked. */
  readonly error?: string
}

/** What a deploy would do. */
export interface Plan {
  readonly environment: string
  readonly branch: string
  /** Full commit id that would be deployed, or null if that is known only after fetching. */
  readonly revision: string | null
  readonly servers: readonly PlannedServer[]
  /** In running order. Tasks that only group others are left out. */
  readonly tasks: readonly PlannedTask[]
}

/** A plan as lines for people. */
export function renderPlan({ environment, branch, revision, servers, tasks }: Plan): string[] {
  const nameWidth = Math.max(...tasks.map(({ task }) => task.length))
  const placeWidth = Math.max(0, ...tasks.map(({ runsOn = '' }) => runsOn.length))
  const serverWidth = Math.max(0, ...servers.map(({ server }) => server.length))
  return [
    `A deploy of ${branch} to ${environment}; nothing is changed now.`,
    `Revision: ${revision ?? 'known once the repository is fetched'}`,
    '',
    `Servers (${servers.length}):`,
    ...servers.map(({ server, roles, release, currentRevision, currentRelease, error }) => {
      const now = currentRevision
        ? `${currentRevision} (release ${currentRelease})`
        : currentRelease
          ? `release ${currentRelease}`
          : 'nothing yet'
      const notes = [
        ...(roles.length > 0 ? [`roles ${roles.join(', ')}`] : []),
        ...(release ? [] : ['takes no releases']),
      ]
      const end = notes.length > 0 ? `  [${notes.join('; ')}]` : ''
      return `  ${server.padEnd(serverWidth)}  ${error ? `can't be asked: ${error}` : `now ${now}`}${end}`
    }),
    '',
    `Tasks (${tasks.length}), in order:`,
    ...tasks.map(({ task, description = '', runsOn = '', hooks, during }, index) =>
      `  ${String(index + 1).padStart(String(tasks.length).length)}. ${task.padEnd(nameWidth)}  ${runsOn.padEnd(placeWidth)}  ${[description, ...hooks.map((hook) => `(${hook})`), ...(during ? [`(during ${during})`] : [])].join(' ').trim()}`.trimEnd(),
    ),
  ]
}
