import { ALL_KINDS, kindOf } from './kinds.js'
import type { ServerSpan, ServerTimeline, TimelineRecord, TimelineTask } from './record.js'

/** What a server's work of one kind took. */
export interface ServerFigure {
  readonly what: string
  /** Milliseconds. */
  readonly ms: number
  /** Milliseconds that it took on most servers. */
  readonly median: number
}

/** A server with its figures. */
export interface MeasuredServer extends ServerTimeline {
  /** Milliseconds in which the server was at work: without the queue, and without waiting for other servers. */
  readonly busy: number
  /** Milliseconds by kind of work. */
  readonly took: ReadonlyMap<string, number>
  /** What was much slower than on most servers, if anything. */
  readonly slow?: ServerFigure
  /** What failed. */
  readonly failed: readonly string[]
}

/** What one kind of work took on all servers, in milliseconds. */
export interface KindFigures {
  readonly what: string
  readonly median: number
  /** 95 of 100 servers took at most this. */
  readonly p95: number
  readonly slowest: number
  readonly server: string
}

/** The figures of a timeline. */
export interface Figures {
  /** Length of the time axis, in milliseconds. */
  readonly total: number
  /** Tasks that took at least 1 % of it, or failed. */
  readonly tasks: readonly TimelineTask[]
  /** The other tasks. */
  readonly quickTasks: readonly TimelineTask[]
  /** Failed ones first, then the slowest. */
  readonly servers: readonly MeasuredServer[]
  /** In the order of a deploy. */
  readonly kinds: readonly KindFigures[]
}

/** Calculates what a timeline shows. */
export function figuresOf({ seconds, tasks, servers }: TimelineRecord): Figures {
  const ends = [...tasks, ...servers.flatMap(({ spans }) => spans)].map(({ start, ms }) => start + ms)
  const total = ends.reduce((latest, end) => Math.max(latest, end), Math.max(1, seconds * 1000))
  const isShown = ({ ms, failed }: TimelineTask): boolean => failed === true || ms * 100 >= total
  const measured = servers.map((server) => ({ server, took: timesOf(server.spans) }))
  const kinds = kindFigures(measured)
  const medians = new Map(kinds.map(({ what, median }) => [what, median]))
  return {
    total,
    tasks: tasks.filter(isShown),
    quickTasks: tasks.filter((task) => !isShown(task)),
    servers: measured
      .map(({ server, took }) => measure(server, took, medians))
      .toSorted((a, b) => Number(b.failed.length > 0) - Number(a.failed.length > 0) || b.busy - a.busy),
    kinds,
  }
}

/** The value that `percent` of 100 values don't exceed. */
export function percentile(sorted: readonly number[], percent: number): number {
  return sorted[Math.max(0, Math.ceil((sorted.length * percent) / 100) - 1)] ?? 0
}

function measure(
  server: ServerTimeline,
  took: ReadonlyMap<string, number>,
  medians: ReadonlyMap<string, number>,
): MeasuredServer {
  const [slow] = [...took]
    .map(([what, ms]) => ({ what, ms, median: medians.get(what) ?? ms }))
    .filter(isSlow)
    .toSorted((a, b) => b.ms - b.median - (a.ms - a.median))
  const failed = [...new Set(server.spans.filter((span) => span.failed).map(({ what }) => what))]
  return { ...server, busy: busyTime(server.spans), took, failed, ...(slow ? { slow } : {}) }
}

/** A queue says nothing about the server; what takes less than a tenth of a second more bothers nobody. */
function isSlow({ what, ms, median }: ServerFigure): boolean {
  return what !== 'queue' && ms >= 2 * median && ms - median >= 100
}

function timesOf(spans: readonly ServerSpan[]): Map<string, number> {
  const took = new Map<string, number>()
  for (const { what, ms } of spans) took.set(what, (took.get(what) ?? 0) + ms)
  return took
}

/** A server may fetch and unpack at the same time: such time counts once. */
function busyTime(spans: readonly ServerSpan[]): number {
  let busy = 0
  let until = 0
  for (const { what, start, ms } of spans.toSorted((a, b) => a.start - b.start)) {
    if (what === 'queue') continue
    busy += Math.max(0, start + ms - Math.max(start, until))
    until = Math.max(until, start + ms)
  }
  return busy
}

function kindFigures(
  measured: readonly { readonly server: ServerTimeline; readonly took: ReadonlyMap<string, number> }[],
): KindFigures[] {
  const place = (what: string): number => ALL_KINDS.indexOf(kindOf(what))
  const whats = [...new Set(measured.flatMap(({ took }) => [...took.keys()]))]
  return whats
    .toSorted((a, b) => place(a) - place(b))
    .map((what) => {
      const times = measured
        .flatMap(({ server: { server }, took }) => {
          const ms = took.get(what)
          return ms === undefined ? [] : [{ server, ms }]
        })
        .toSorted((a, b) => a.ms - b.ms)
      const sorted = times.map(({ ms }) => ms)
      const last = times.at(-1)
      return {
        what,
        median: percentile(sorted, 50),
        p95: percentile(sorted, 95),
        slowest: last?.ms ?? 0,
        server: last?.server ?? '',
      }
    })
}
