import { majorityLive, type LiveRelease } from '../flow/live.js'
import { releaseScript } from '../flow/release-script.js'
import type { Host } from '../ssh/host.js'
import { columns } from './columns.js'

const statusScript = releaseScript('status')

/** One server of a fleet's status. */
export interface ServerStatus extends LiveRelease {
  readonly server: string
  /** When that release went live: ISO 8601, UTC; null if nothing tells. */
  readonly since: string | null
  /** Who deployed it, or null. */
  readonly by: string | null
  /** Number of releases that are kept there. */
  readonly releases: number
  /** True if something else is live here than on most servers. */
  readonly differs: boolean
  /** What plugins tell of it, by title. */
  readonly more: Readonly<Record<string, string>>
  /** Why it could not be asked. */
  readonly error?: string
}

/** What `deploy:status` tells. */
export interface Status {
  readonly environment: string
  readonly servers: readonly ServerStatus[]
  /** What plugins tell of the whole, by title. */
  readonly more: Readonly<Record<string, string>>
}

/** What plugins add to the status. */
export class StatusParts {
  /** Columns for servers. */
  readonly columns = new Map<string, (host: Host) => Promise<string>>()
  /** Lines for the whole. */
  readonly lines = new Map<string, () => Promise<string>>()
}

/** Asks all servers, and the plugins. A server that can't be asked is told as such. */
export async function gatherStatus(
  hosts: readonly Host[],
  { environment, deployTo, parts }: { environment: string; deployTo: string; parts: StatusParts },
): Promise<Status> {
  const asked = await Promise.all(hosts.map((host) => askServer(host, deployTo, parts)))
  const most = majorityLive(asked)
  const servers = asked.map((server) => ({
    ...server,
    differs: server.error === undefined && most !== undefined && server.release !== most.release,
  }))
  const more = await Promise.all(
    [...parts.lines].map(async ([title, tell]) => [title, await tell()] as const),
  )
  return { environment, servers, more: Object.fromEntries(more) }
}

/** A status as lines for people. */
export function renderStatus({ servers, more }: Status): string[] {
  const titles = [...new Set(servers.flatMap((server) => Object.keys(server.more)))]
  const rows = servers.map((server) => [
    server.server,
    server.release ?? '-',
    server.revision?.slice(0, 12) ?? '-',
    server.since?.slice(0, 16).replace('T', ' ') ?? '-',
    server.by ?? '-',
    String(server.releases),
    ...titles.map((title) => server.more[title] ?? '-'),
    server.error ?? (server.differs ? 'differs from most servers' : ''),
  ])
  return [
    ...columns([['server', 'release', 'revision', 'since (UTC)', 'by', 'releases', ...titles, ''], ...rows]),
    ...Object.entries(more).map(([title, text]) => `\n${title}: ${text}`),
  ]
}

async function askServer(
  host: Host,
  deployTo: string,
  parts: StatusParts,
): Promise<Omit<ServerStatus, 'differs'>> {
  try {
    const facts = await host.script(statusScript.with({ deploy_to: deployTo }))
    const { at = null, user = null } = parseRecord(facts['record']?.[0])
    const more = await Promise.all(
      [...parts.columns].map(async ([title, tell]) => [title, await tell(host)] as const),
    )
    return {
      server: host.name,
      release: facts['current']?.[0] ?? null,
      revision: facts['revision']?.[0] || null,
      since: at,
      by: user,
      releases: Number(facts['releases']?.[0] ?? 0),
      more: Object.fromEntries(more),
    }
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    return {
      server: host.name,
      release: null,
      revision: null,
      since: null,
      by: null,
      releases: 0,
      more: {},
      error: reason,
    }
  }
}

function parseRecord(line = ''): { at?: string; user?: string } {
  try {
    return JSON.parse(line) as { at?: string; user?: string }
  } catch {
    return {}
  }
}
