import type { Facts, Host } from '../ssh/host.js'
import { serverScript } from '../ssh/script.js'
import type { DeployRecord } from './deploy-log.js'

/** A release on a server. */
export interface Release {
  /** `YYYYMMDDHHmmss`, UTC. */
  readonly name: string
  /** Full commit id; undefined if the release was never finished, or was made without a repository. */
  readonly revision: string | undefined
}

/** A server's releases. */
export interface ServerReleases {
  /** Name of the release that is live, or undefined. */
  readonly current: string | undefined
  /** Full commit id that is live, or undefined if unknown. */
  readonly revision: string | undefined
  /** The live release's record in the deploy log, if requested. */
  readonly record: Partial<DeployRecord> | undefined
  /** Oldest first. */
  readonly releases: readonly Release[]
  /** Names of those that went live, in that order, the current one last. One may occur several times. */
  readonly wentLive: readonly string[]
}

/**
 * Queries a server's releases. Changes nothing.
 * @param withRecord also reads the deploy log's record, for which the server needs `grep` and `tail`
 * @throws {HostError}
 */
export async function askReleases(host: Host, deployTo: string, withRecord = false): Promise<ServerReleases> {
  const script = serverScript('list-releases')
  const variables = { deploy_to: deployTo, with_record: withRecord ? 1 : '' }
  return serverReleases(await host.script(script.with(variables)))
}

/** Parses the output of `server/list-releases.sh`. */
export function serverReleases(facts: Facts): ServerReleases {
  const releases = (facts['release'] ?? []).map((fact) => {
    const space = fact.lastIndexOf(' ')
    return { name: fact.slice(0, space), revision: fact.slice(space + 1) || undefined }
  })
  return {
    current: facts['current']?.[0],
    revision: facts['revision']?.[0] || undefined,
    record: parseRecord(facts['record']?.[0]),
    releases: releases.sort((a, b) => compare(a.name, b.name)),
    wentLive: facts['live'] ?? [],
  }
}

/** The release that is live on most servers; undefined if none is. */
export function majorityLive(servers: readonly ServerReleases[]): ServerReleases | undefined {
  const most = majority(servers.flatMap(({ current }) => current ?? []))
  return most === undefined ? undefined : servers.find(({ current }) => current === most)
}

function parseRecord(line = ''): Partial<DeployRecord> | undefined {
  try {
    return JSON.parse(line) as Partial<DeployRecord>
  } catch {
    return undefined
  }
}

/** Name for a release made now; later than every existing name, even if a clock is off. */
export function releaseName(now: Date, existing: readonly string[] = []): string {
  const name = stamp(now)
  const newest = existing.filter((each) => /^\d{14}$/.test(each)).reduce((a, b) => (a > b ? a : b), '')
  return name > newest ? name : after(newest)
}

/** What a rollback goes to. */
export interface RollbackTarget {
  readonly release: Release
  /** The newest live release. */
  readonly from: Release
  /** False if it was never live on any server. */
  readonly wasLive: boolean
  /** Indexes of the servers that lack it. */
  readonly missing: readonly number[]
}

/**
 * The release to roll back to: `wanted`, or what was live before the newest live release, not counting releases that were
 * rolled back. Returns the reason if there is none.
 */
export function rollbackTarget(
  servers: readonly ServerReleases[],
  wanted: string | undefined,
): RollbackTarget | { readonly reason: string } {
  const live = servers.flatMap(({ current }) => current ?? []).reduce((a, b) => (a > b ? a : b), '')
  if (!live) return { reason: 'no server has a current release' }
  const finished = finishedReleases(servers)
  const find = (name: string): Release | undefined =>
    finished.flatMap((releases) => releases.filter((release) => release.name === name))[0]

  const before = servers.flatMap(({ current, wentLive }, index) => {
    const names = finished[index]?.map(({ name }) => name) ?? []
    const previous = current === live ? stack(wentLive).slice(0, -1) : []
    return previous.findLast((name) => names.includes(name)) ?? []
  })
  const name = wanted ?? majority(before)
  if (name === undefined) return { reason: `no server has a release that was live before ${live}` }
  const release = find(name)
  if (!release) {
    const names = [...new Set(finished.flatMap((releases) => releases.map((each) => each.name)))].toSorted()
    return { reason: `no server has a complete release ${name}; available: ${names.join(', ') || 'none'}` }
  }
  return {
    release,
    from: find(live) ?? { name: live, revision: undefined },
    wasLive: servers.some(({ wentLive }) => wentLive.includes(name)),
    missing: finished.flatMap((releases, index) =>
      releases.some((each) => each.name === name) ? [] : [index],
    ),
  }
}

/** The history without what was rolled back: a rollback to a release drops all that went live since. */
function stack(wentLive: readonly string[]): string[] {
  return wentLive.reduce<string[]>((below, name) => [...below.slice(0, indexOrEnd(below, name)), name], [])
}

function indexOrEnd(names: readonly string[], name: string): number {
  const index = names.indexOf(name)
  return index < 0 ? names.length : index
}

/** Each server's complete releases: those with a REVISION, unless they are made without a repository. */
function finishedReleases(servers: readonly ServerReleases[]): Release[][] {
  const marked = servers.some(({ current, releases }) =>
    releases.some(({ name, revision }) => name === current && revision !== undefined),
  )
  return servers.map(({ releases }) => releases.filter(({ revision }) => !marked || revision !== undefined))
}

/** Names of the releases that every server has, newest first. */
export function commonReleases(servers: readonly ServerReleases[]): string[] {
  const [first, ...others] = servers.map(({ releases }) => releases.map(({ name }) => name))
  return (first ?? []).filter((name) => others.every((names) => names.includes(name))).toReversed()
}

/** The most frequent value, or undefined. */
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
  return stamp(new Date(Date.UTC(Number(y), Number(mo) - 1, Number(d), Number(h), Number(mi), Number(s) + 1)))
}

function stamp(time: Date): string {
  return time.toISOString().replaceAll(/\D/g, '').slice(0, 14)
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
