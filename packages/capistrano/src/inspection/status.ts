import { messageOf } from '../errors.js'
import { askReleases, majority } from '../flow/releases.js'
import type { Extensions } from '../plugin/extensions.js'
import type { Host } from '../ssh/host.js'
import { columns } from './columns.js'

/** A server's status. */
export interface ServerStatus {
  readonly server: string
  /** Name of the release that is live, or null. */
  readonly release: string | null
  /** Full commit id that is live, or null if unknown. */
  readonly revision: string | null
  /** When that release went live: ISO 8601, UTC; null if unknown. */
  readonly since: string | null
  /** Who deployed it, or null. */
  readonly by: string | null
  /** Number of releases on it. */
  readonly releases: number
  /** True if another release is live here than on most servers. */
  readonly differs: boolean
  /** Plugins' columns, by title. */
  readonly more: Readonly<Record<string, string>>
  /** Why it could not be queried. */
  readonly error?: string
}

/** What `deploy:status` reports. */
export interface Status {
  readonly environment: string
  readonly servers: readonly ServerStatus[]
  /** Plugins' lines, by title. */
  readonly more: Readonly<Record<string, string>>
}

/** Options of {@link gatherStatus}. */
export interface StatusOptions {
  readonly environment: string
  readonly deployTo: string
  /** Plugins' columns and lines. */
  readonly extensions: Pick<Extensions, 'statusColumns' | 'statusLines'>
}

/** Queries all servers and plugins. A server that can't be queried has an `error`. */
export async function gatherStatus(hosts: readonly Host[], options: StatusOptions): Promise<Status> {
  const { environment, extensions } = options
  const asked = await Promise.all(hosts.map((host) => askServer(host, options)))
  const most = majority(asked.flatMap(({ release }) => release ?? []))
  const servers = asked.map((server) => ({
    ...server,
    differs: server.error === undefined && most !== undefined && server.release !== most,
  }))
  return { environment, servers, more: await askAll(extensions.statusLines.all, (line) => line()) }
}

/** Results of plugins' functions, by title. */
export async function askAll<T>(
  all: ReadonlyMap<string, T>,
  ask: (each: T) => Promise<string>,
): Promise<Record<string, string>> {
  return Object.fromEntries(
    await Promise.all([...all].map(async ([title, each]) => [title, await ask(each)] as const)),
  )
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
  { deployTo, extensions }: StatusOptions,
): Promise<Omit<ServerStatus, 'differs'>> {
  const server = host.name
  try {
    const { current, revision, record, releases } = await askReleases(host, deployTo, true)
    return {
      server,
      release: current ?? null,
      revision: revision ?? null,
      since: record?.at ?? null,
      by: record?.user ?? null,
      releases: releases.length,
      more: await askAll(extensions.statusColumns.all, (column) => column(host)),
    }
  } catch (error) {
    const unknown = { release: null, revision: null, since: null, by: null, releases: 0, more: {} }
    return { server, ...unknown, error: messageOf(error) }
  }
}
