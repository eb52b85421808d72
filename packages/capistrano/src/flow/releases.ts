import type { Facts } from '../ssh/host.js'

/** One release on a server. */
export interface Release {
  /** `YYYYMMDDHHmmss`, UTC. */
  readonly name: string
  /** Full commit id; undefined if the release was never finished, or was made without a repository. */
  readonly revision: string | undefined
}

/** What a server has. */
export interface ServerReleases {
  /** Name of the release that is live, or undefined. */
  readonly current: string | undefined
  /** Oldest first. */
  readonly releases: readonly Release[]
}

/** Reads what `server/check.sh` told. */
export function serverReleases(facts: Facts): ServerReleases {
  const releases = (facts['release'] ?? []).map((fact) => {
    const space = fact.lastIndexOf(' ')
    return { name: fact.slice(0, space), revision: fact.slice(space + 1) || undefined }
  })
  return { current: facts['current']?.[0], releases: releases.sort((a, b) => compare(a.name, b.name)) }
}

/** Name for a release made now; later than every name that is there, also when a clock is off. */
export function releaseName(now: Date, existing: readonly string[] = []): string {
  const name = now.toISOString().replaceAll(/\D/g, '').slice(0, 14)
  const newest = existing.filter((each) => /^\d{14}$/.test(each)).reduce((a, b) => (a > b ? a : b), '')
  return name > newest ? name : after(newest)
}

/**
 * The release to go back to: `wanted`, or the newest one that every server has, finished, and that is older than what
 * is live. Returns a sentence if there is none.
 */
export function rollbackTarget(
  servers: readonly ServerReleases[],
  wanted: string | undefined,
): { readonly release: Release } | { readonly reason: string } {
  const live = servers.flatMap(({ current }) => current ?? []).reduce((a, b) => (a > b ? a : b), '')
  if (!live) return { reason: 'no server has a current release' }
  // Releases made without a repository have no REVISION; where the live one has none, it is no sign of anything.
  const marked = servers.some(({ current, releases }) =>
    releases.some(({ name, revision }) => name === current && revision !== undefined),
  )
  const finished = servers.map(({ releases }) =>
    releases.filter(({ revision }) => !marked || revision !== undefined),
  )
  const everywhere = (finished[0] ?? []).filter(({ name }) =>
    finished.every((releases) => releases.some((release) => release.name === name)),
  )
  const names = everywhere.map(({ name }) => name).join(', ') || 'none'
  if (wanted !== undefined) {
    const release = everywhere.find(({ name }) => name === wanted)
    return release
      ? { release }
      : { reason: `not every server has release ${wanted}, finished; every server has: ${names}` }
  }
  const release = everywhere.findLast(({ name }) => name < live)
  return release
    ? { release }
    : {
        reason: `there is no finished release older than ${live} that every server has; every server has: ${names}`,
      }
}

/** Names of the releases that every server has, newest first. */
export function commonReleases(servers: readonly ServerReleases[]): string[] {
  const [first, ...others] = servers.map(({ releases }) => releases.map(({ name }) => name))
  return (first ?? []).filter((name) => others.every((names) => names.includes(name))).toReversed()
}

/** What occurs most often, or undefined. */
export function majority<T>(values: readonly T[]): T | undefined {
  const counts = new Map<T, number>()
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1)
  return [...counts].reduce<[T, number] | undefined>(
    (best, each) => (best && best[1] >= each[1] ? best : each),
    undefined,
  )?.[0]
}

function after(name: string): string {
  const [, y, mo, d, h, mi, s] = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)$/.exec(name) ?? []
  const next = new Date(Date.UTC(Number(y), Number(mo) - 1, Number(d), Number(h), Number(mi), Number(s) + 1))
  return next.toISOString().replaceAll(/\D/g, '').slice(0, 14)
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
