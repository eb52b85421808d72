import { counted } from '../counted.js'
import { shownSeconds } from './axis.js'
import type { Figures, MeasuredServer } from './figures.js'
import type { TimelineRecord } from './record.js'

/** How many servers a sentence names. */
const NAMED = 3

/** What a timeline shows: `Deploy of main to production`. */
export function titleOf({ kind, environment, branch, release }: TimelineRecord): string {
  if (kind === 'rollback') return `Rollback of ${environment}${release === null ? '' : ` to ${release}`}`
  if (kind === 'other') return `Run on ${environment}`
  return `Deploy of ${branch ?? 'an unknown branch'} to ${environment}${kind === 'pull' ? ', from storage' : ''}`
}

/** How it ended: `succeeded in 3.12 s`. */
export function resultOf({ result, seconds }: TimelineRecord): string {
  return result === 'succeeded'
    ? `succeeded in ${shownSeconds(seconds * 1000)}`
    : `failed after ${shownSeconds(seconds * 1000)}`
}

/** When it began: `2026-11-25 14:03:12 UTC`. */
export function shownTime(startedAt: string): string {
  return `${startedAt.slice(0, 19).replace('T', ' ')} UTC`
}

/** A name that takes at most `longest` characters. */
export function shortened(name: string, longest: number): string {
  const characters = Array.from(name)
  return characters.length > longest ? `${characters.slice(0, longest - 1).join('')}…` : name
}

/** What stands out, in sentences: failures, the longest task, and servers that were slower than others. */
export function findings({ tasks, servers, total }: Figures): string[] {
  const failedTasks = tasks.filter(({ failed }) => failed).map(({ task }) => task)
  const failed = servers.filter((server) => server.failed.length > 0)
  const slow = servers.filter((server) => server.slow).toSorted((a, b) => excess(b) - excess(a))
  const [longest] = tasks.toSorted((a, b) => b.ms - a.ms)
  return [
    ...(failedTasks.length > 0 ? [`Failed: ${failedTasks.join(', ')}.`] : []),
    ...(failed.length > 0
      ? [
          `Failed on ${counted(failed.length, 'server')}: ${named(failed, (server) => server.failed.join(', '))}.`,
        ]
      : []),
    ...(longest
      ? [`Longest task: ${longest.task}, ${shownSeconds(longest.ms)} of ${shownSeconds(total)}.`]
      : []),
    ...(slow.length > 0 ? [`Slower than most servers: ${named(slow, slowness)}.`] : []),
    ...(slow.length === 0 && servers.length > 1 ? ['No server was much slower than the others.'] : []),
  ]
}

/** What was slow on a server, or failed there; empty if nothing. */
export function noteOf(server: MeasuredServer): string {
  if (server.failed.length > 0) return `${server.failed.join(', ')} failed`
  return slowness(server)
}

/** `fetch 1.92 s, median 0.41 s` */
function slowness({ slow }: MeasuredServer): string {
  return slow ? `${slow.what} ${shownSeconds(slow.ms)}, median ${shownSeconds(slow.median)}` : ''
}

function excess({ slow }: MeasuredServer): number {
  return slow ? slow.ms - slow.median : 0
}

function named(servers: readonly MeasuredServer[], why: (server: MeasuredServer) => string): string {
  const names = servers.slice(0, NAMED).map((server) => `${server.server} (${why(server)})`)
  const more = servers.length - names.length
  return more > 0 ? `${names.join(', ')} and ${more} more` : names.join(', ')
}
