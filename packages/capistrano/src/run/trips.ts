import pLimit from 'p-limit'
import type { Task, TaskFunction } from '../shipit/shipit.js'
import type { Host } from '../ssh/host.js'
import { sorted } from '../ssh/on-hosts.js'
import { ServersError } from '../ssh/servers-error.js'
import { together, type Work } from '../ssh/together.js'
import { merged } from './problems.js'

/** Options of {@link Ask}. */
export interface AskOptions {
  /** Maximum number of parallel servers. @default `maxConnections` */
  readonly limit?: number
}

/** Does work on servers, like `on`, but together with other work, in one round trip. */
export interface Ask {
  /** @throws {ServersError} `E_SERVERS`, with every failed server */
  <T>(hosts: readonly Host[], work: Work<T>): Promise<T[]>
  /** @throws {ServersError} `E_SERVERS`, with every failed server */
  <T>(hosts: readonly Host[], options: AskOptions, work: Work<T>): Promise<T[]>
}

/** Something that asks servers. */
export type Asking = (ask: Ask) => Promise<void>

/** Something that was started, and asks servers. */
interface Member {
  /** The task that it is part of. */
  readonly task: string | undefined
  readonly questions: Question[]
  /** Its run's signal: what is held back when the run fails is never asked. */
  readonly signal: AbortSignal
  /** Resolves, or rejects, when it has ended. */
  readonly ended: Promise<void>
  hasEnded: boolean
  /** Whether its questions have been asked: others follow on their own. */
  hasDeparted: boolean
}

interface Question {
  readonly hosts: readonly Host[]
  readonly work: Work
  readonly limit: number
  readonly answer: (outcomes: readonly PromiseSettledResult<unknown>[]) => void
  readonly refuse: (error: unknown) => void
}

/** What {@link Trips} depends on. */
export interface TripsContext {
  /** The calling task. */
  readonly task: () => string | undefined
  /** Whether a task runs after the calling one. */
  readonly runsLater: (task: string) => boolean
  /** Whether listeners watch tasks begin and end: then nothing is held back. */
  readonly isWatched: () => boolean
  /** The calling code's signal. */
  readonly signal: () => AbortSignal
  /** Records which task an error comes from. */
  readonly blame: (error: unknown, task: string) => void
}

/** Functions of tasks that may join others' trips, each with whether it may now. */
const joiners = new WeakMap<TaskFunction, () => boolean>()

/** Marks the function of a task: what tasks before it hold back need not be done before it starts. */
export function joiner(fn: TaskFunction, now: () => boolean = () => true): TaskFunction {
  joiners.set(fn, now)
  return fn
}

/** Whether a task may start while others' work on servers is held back. */
export function mayJoin({ fn }: Task): boolean {
  return joiners.get(fn)?.() ?? false
}

/**
 * Work on servers that is held back, so that what several tasks ask a server travels in one round trip. Nobody notices: it
 * is done before any task starts that does not take part, such as a hook.
 */
export class Trips {
  private members: Member[] = []
  /** Number of open {@link Trips.inOrder}. */
  private orders = 0

  constructor(private readonly context: TripsContext) {}

  /**
   * Starts something, waits until it asks servers or ends, and holds back what it asks: until `until` runs, or until the end of
   * {@link Trips.inOrder}. If neither comes, or somebody watches, all is done now.
   * @throws what it fails with before it asks; all that fails, if all is done now
   */
  async join(run: Asking, until?: string): Promise<void> {
    const member = await this.start(run)
    if (member.hasEnded) await member.ended
    else this.members.push(member)
    if (!this.holdsBack(until)) await this.depart()
  }

  /** Does everything that is held back, and then something else that asks servers. @throws what fails */
  async doNow(run: Asking): Promise<void> {
    await this.depart()
    await this.join(run)
    await this.depart()
  }

  /**
   * Runs code whose work on servers is done in order: each server begins one piece of work only if the ones before it
   * succeeded. All of it travels together, unless a task that does not take part starts in between.
   */
  async inOrder(run: (join: (run: Asking) => Promise<void>) => Promise<void>): Promise<void> {
    await this.depart()
    this.orders += 1
    try {
      await run((each) => this.join(each))
      await this.depart()
    } catch (error) {
      // What is still held back was to follow what failed.
      for (const { questions } of this.members.splice(0)) for (const { refuse } of questions) refuse(error)
      throw error
    } finally {
      this.orders -= 1
    }
  }

  /** Does everything that is held back. @throws what it failed with */
  async depart(): Promise<void> {
    const members = this.members.splice(0).filter(({ signal }) => !signal.aborted)
    if (members.length === 0) return
    const questions = members.flatMap((member) => member.questions.splice(0))
    for (const member of members) member.hasDeparted = true
    await travel(questions, this.orders > 0)
    const outcomes = await Promise.allSettled(members.map(({ ended }) => ended))
    const errors = outcomes.flatMap((each) => (each.status === 'rejected' ? [each.reason as unknown] : []))
    if (errors.length === 0) return
    const [error] = errors.length === 1 ? errors : merged(errors)
    const task = members.find((_, index) => outcomes[index]?.status === 'rejected')?.task
    if (task !== undefined) this.context.blame(error, task)
    throw error
  }

  private holdsBack(until: string | undefined): boolean {
    const { runsLater, isWatched } = this.context
    if (isWatched()) return false
    return this.orders > 0 || (until !== undefined && runsLater(until))
  }

  /** Starts something, and waits until it asks or ends. */
  private async start(run: Asking): Promise<Member> {
    const questions: Question[] = []
    const signal = this.context.signal()
    let asked = (): void => {}
    const hasAsked = new Promise<void>((resolve) => (asked = resolve))
    const ask: Ask = <T>(hosts: readonly Host[], ...rest: [Work<T>] | [AskOptions, Work<T>]): Promise<T[]> =>
      new Promise((resolve, reject) => {
        const [{ limit = Infinity }, work] = rest.length === 1 ? [{}, rest[0]] : rest
        signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true })
        const answer: Question['answer'] = (outcomes) => {
          const { failures, values } = sorted(hosts, outcomes)
          if (failures.length > 0) reject(new ServersError(failures, hosts.length))
          else resolve(values as T[])
        }
        const question = { hosts, work, limit, answer, refuse: reject }
        if (state.member?.hasDeparted) void travel([question], false)
        else questions.push(question)
        asked()
      })
    const state: { member?: Member } = {}
    const ended = run(ask)
    const member: Member = {
      task: this.context.task(),
      questions,
      signal,
      ended,
      hasEnded: false,
      hasDeparted: false,
    }
    state.member = member
    const end = (): void => void (member.hasEnded = true)
    await Promise.race([hasAsked, ended.then(end, end)])
    return member
  }
}

/** Asks each server all its questions in one round trip. */
async function travel(questions: readonly Question[], chain: boolean): Promise<void> {
  const hosts = [...new Set(questions.flatMap((question) => question.hosts))]
  const bounded = pLimit(Math.min(...questions.map(({ limit }) => limit), hosts.length || 1))
  const outcomes = new Map<Question, Map<Host, PromiseSettledResult<unknown>>>(
    questions.map((question) => [question, new Map()]),
  )
  await Promise.all(
    hosts.map((host) =>
      bounded(async () => {
        const own = questions.filter((question) => question.hosts.includes(host))
        const answers = await together(
          host,
          own.map(({ work }) => work),
          chain,
        )
        for (const [index, answer] of answers.entries())
          outcomes.get(own[index] as Question)?.set(host, answer)
      }),
    ),
  )
  for (const question of questions) {
    const own = outcomes.get(question)
    question.answer(question.hosts.map((host) => own?.get(host) as PromiseSettledResult<unknown>))
  }
}
