import { isGroup } from '../shipit/group.js'
import type { Task, TaskFunction } from '../shipit/shipit.js'
import type { Host } from '../ssh/host.js'
import type { Work } from '../ssh/together.js'
import { joiner, type Ask, type Trips } from './trips.js'
import { CheckError, flat, hostErrors, merged } from './problems.js'

/**
 * Rejects with a problem on servers, or anywhere else.
 * @param ask does something on servers in the same round trip as other checks
 */
export type Check = (hosts: readonly Host[], ask: Ask) => Promise<void>

/** Functions of check tasks, and of the one that reports. */
const checkFunctions = new WeakSet<TaskFunction>()

/** The task that reports what checks have found. */
const REPORT = 'deploy:check'

/**
 * Makes the function of a check task.
 * @param checks returns the current run's checks
 * @param isFinal whether an error ends the run immediately
 */
export function checkFunction(
  check: Check,
  checks: () => Checks,
  isFinal: (error: unknown) => boolean = () => false,
): TaskFunction {
  const fn = joiner((): Promise<void> => checks().run(check, isFinal))
  checkFunctions.add(fn)
  return fn
}

/** Makes the function of the task that reports what checks have found: it calls {@link Checks.report}. */
export function reportFunction(fn: TaskFunction): TaskFunction {
  checkFunctions.add(fn)
  return joiner(fn)
}

/** What {@link Checks} depends on. */
export interface ChecksContext {
  /** The servers that take releases. */
  readonly hosts: () => readonly Host[]
  readonly trips: Trips
  /** Whether `deploy:check`, which reports all problems, runs after the calling task. */
  readonly willReport: () => boolean
  /** Records which task an error comes from. */
  readonly blame: (error: unknown, task: string) => void
}

/**
 * The checks of a run. Errors are held back until all adjacent checks have run, and reported together; only checks start in
 * between. A check without `deploy:check` after it throws its own error: otherwise a task that invokes it would carry on.
 */
export class Checks {
  private readonly found: unknown[] = []

  constructor(private readonly context: ChecksContext) {}

  /** Runs a check on the servers that no earlier check found unreachable. */
  async run(check: Check, isFinal: (error: unknown) => boolean): Promise<void> {
    const willReport = this.context.willReport()
    const hosts = this.reachable()
    await this.context.trips.join(async (ask) => {
      try {
        await check(hosts, ask)
      } catch (error) {
        if (isFinal(error) || !willReport) throw error
        this.found.push(error)
      }
    }, REPORT)
  }

  /** Asks the servers a last question, with all that checks still ask. @throws what checks have found, as one error */
  async report<T>(work: Work<T>): Promise<T[]> {
    let answers: T[] = []
    const hosts = this.reachable()
    await this.context.trips.join(async (ask) => {
      try {
        answers = await ask(hosts, work)
      } catch (error) {
        this.found.push(error)
      }
    })
    this.throwFound()
    return answers
  }

  /** Called before a task starts. @throws what checks have found, unless the task is another check */
  assure(task: Task): void {
    if (!isGroup(task) && !checkFunctions.has(task.fn)) this.throwFound()
  }

  private throwFound(): void {
    const errors = merged(this.found.splice(0))
    const error = errors.length > 1 ? new CheckError(errors) : errors[0]
    if (!error) return
    // The task that was about to start has not failed.
    this.context.blame(error, REPORT)
    throw error
  }

  private reachable(): readonly Host[] {
    const lost = hostErrors(flat(this.found)).filter(({ name }) => name === 'E_UNREACHABLE')
    return this.context.hosts().filter(({ name }) => !lost.some(({ host }) => host === name))
  }
}
