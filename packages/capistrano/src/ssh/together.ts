import type { Host, Send, SendOptions } from './host.js'
import type { Job } from './session.js'

/** What is done on a server. */
export type Work<T = unknown> = (host: Host) => Promise<T>

/** A script that waits for the others' first ones. */
interface Waiting {
  readonly job: Job
  readonly options: SendOptions
  readonly resolve: (status: number) => void
  readonly reject: (error: unknown) => void
}

/** One of the pieces of work. */
interface Part {
  waiting?: Waiting | undefined
  hasAsked: boolean
  hasEnded: boolean
  error?: unknown
}

/**
 * Does several pieces of work on one server at the same time: the first script of each travels with those of the others, in
 * one round trip, and they run in the order of the work. What a piece of work runs after that travels by itself.
 * @param chain whether a piece of work only goes on if the ones before it succeed: it then fails with their error
 */
export async function together<T>(
  host: Host,
  works: readonly Work<T>[],
  chain: boolean,
): Promise<PromiseSettledResult<T>[]> {
  if (works.length === 1) return Promise.allSettled(works.map((work) => work(host)))
  const parts: Part[] = works.map(() => ({ hasAsked: false, hasEnded: false }))
  let isUnderway = false

  /** Sends what is waiting, as soon as nothing else can come along. */
  const depart = async (): Promise<void> => {
    if (isUnderway) return
    const open = parts.filter((part) => !part.hasEnded)
    const isReady = ({ waiting, hasAsked }: Part): boolean => waiting !== undefined || (!chain && hasAsked)
    if (!open.every(isReady)) return
    const failed = chain ? parts.find(({ error }) => error !== undefined) : undefined
    const waiting = parts.flatMap((part) => (part.waiting ? [{ part, waiting: part.waiting }] : []))
    const [first] = waiting
    if (!first) return
    // A script with input, or the user's command, which may leave something behind, travels by itself, in its turn.
    const next = waiting.findIndex(
      ({ waiting: { job, options } }) => options.input !== undefined || job.isAny,
    )
    const leaving = next < 0 ? waiting : waiting.slice(0, Math.max(next, 1))
    if (failed) {
      for (const { part } of waiting) refuse(part, failed.error)
      return
    }
    isUnderway = true
    for (const { part } of leaving) part.hasAsked = true
    try {
      const jobs = leaving.map((each) => each.waiting.job)
      const statuses = await host.roundTrip(jobs, chain, first.waiting.options)
      for (const [index, status] of statuses.entries()) {
        const each = leaving[index] as (typeof leaving)[number]
        each.part.waiting = undefined
        each.waiting.resolve(status)
      }
    } catch (error) {
      for (const { part } of leaving) refuse(part, error)
    } finally {
      isUnderway = false
    }
    // Of a chain, those after one that failed still wait: it may yet succeed in another way.
  }

  const refuse = (part: Part, error: unknown): void => {
    const { waiting } = part
    part.waiting = undefined
    waiting?.reject(error)
  }

  return Promise.allSettled(
    works.map(async (work, index) => {
      const part = parts[index] as Part
      const send: Send = async (job, options) => {
        if (part.hasAsked) {
          const [status = NaN] = await host.roundTrip([job], false, options)
          return status
        }
        return new Promise((resolve, reject) => {
          part.waiting = { job, options, resolve, reject }
          void depart()
        })
      }
      try {
        return await work(host.sendingBy(send))
      } catch (error) {
        part.error = error
        throw error
      } finally {
        part.hasEnded = true
        void depart()
      }
    }),
  )
}
