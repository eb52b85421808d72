import { AsyncLocalStorage } from 'node:async_hooks'
import { flowOf, isWholeFlow, type Flow } from '../flow/flow-of.js'
import { Schedule } from '../graph/schedule.js'
import type { Shipit } from '../shipit/shipit.js'
import type { Execution } from './execution.js'

/** Tasks that run one after another inside the task that invoked them, or after a failure. */
export interface Invocation {
  /** Includes what is started while they run. */
  readonly schedule: Schedule
  /** The task that invoked them. */
  readonly by: string | undefined
  readonly outer: Invocation | undefined
  isOpen: boolean
}

/** The task whose code is running. */
interface Caller {
  readonly execution: Execution
  /** The task that Orchestrator runs. */
  readonly task: string
  /** The task itself: that one, or one that it invoked. */
  readonly inner: string
  readonly invocation?: Invocation | undefined
}

/** Shared by all runs: Node passes every store on with every promise. */
const callers = new AsyncLocalStorage<Caller>()

/** The execution that the calling code belongs to; undefined outside tasks. */
export function executionOfCaller(): Execution | undefined {
  return callers.getStore()?.execution
}

/** The tasks of a run, including invoked ones, and the flow they make up. */
export class Invocations {
  /** Innermost last. Phases invoked one by one make up a flow, so they stay until the run ends. */
  private readonly invocations = new Set<Invocation>()
  /** The order of the run itself. */
  readonly plan: Schedule

  constructor(
    private readonly shipit: Shipit,
    private readonly execution: Execution,
  ) {
    this.plan = new Schedule(() => shipit.tasks)
  }

  /** The running flow, if any; the inner one if one flow has invoked another. */
  get flow(): Flow | undefined {
    return this.parts(() => true).reduce<Flow | undefined>((outer, names) => flowOf(names, outer), undefined)
  }

  /** Whether what is invoked now is part of a flow, whose failure tasks run if it fails. */
  get isInFlow(): boolean {
    return this.parts(({ isOpen }) => isOpen).some((names) => flowOf(names) !== undefined)
  }

  /** Whether a task is part of the run. */
  includes(task: string): boolean {
    return this.parts(() => true).some((names) => names.has(task))
  }

  /** Whether a task is still to run after the calling one, in the same schedule. */
  runsLater(name: string): boolean {
    return this.schedule.names.includes(name) && !this.shipit.tasks[name]?.running
  }

  /** Orchestrator's task that the calling code belongs to, directly or by invocation; undefined outside tasks. */
  get task(): string | undefined {
    return this.caller?.task
  }

  /** The task that the calling code belongs to; undefined outside tasks. */
  get innerTask(): string | undefined {
    return this.caller?.inner
  }

  /** The schedule for what the calling code starts. */
  get schedule(): Schedule {
    return this.openInvocations()[0]?.schedule ?? this.plan
  }

  /**
   * Names of the tasks that see the calling task's results before another task does: those that run before that one, and
   * those that invoked the calling task.
   */
  until(name: string): string[] {
    const invocations = this.openInvocations()
    const schedules = [...invocations.map(({ schedule }) => schedule), this.plan]
    const last = schedules.findIndex((schedule) => schedule.names.includes(name))
    const within = last < 0 ? schedules : schedules.slice(0, last + 1)
    const names = within.flatMap((schedule, depth) => [
      ...schedule.before(name),
      ...(depth < within.length - 1 ? [invocations[depth]?.by ?? ''] : []),
    ])
    const { task, inner } = this.caller ?? {}
    return [...new Set(names)].filter(
      (each) => each !== '' && each !== (invocations.length > 0 ? inner : task),
    )
  }

  /** Names of running tasks, except for those that wait for what they invoked. */
  get busy(): string[] {
    const waiting = new Set([...this.invocations].flatMap(({ isOpen, by }) => (isOpen ? by : [])))
    return Object.values(this.shipit.tasks).flatMap(({ name, running }) =>
      running && !waiting.has(name) ? [name] : [],
    )
  }

  /** Begins an invocation by the calling task. */
  open(schedule: Schedule): Invocation {
    const { inner: by, invocation: outer } = this.caller ?? {}
    const invocation = { schedule, by, outer, isOpen: true }
    this.invocations.add(invocation)
    return invocation
  }

  /** Runs code as part of an invocation. */
  inside<T>(invocation: Invocation, run: () => T): T {
    const { task = '', inner = '' } = this.caller ?? {}
    return callers.run({ execution: this.execution, task, inner, invocation }, run)
  }

  /** Ends an invocation. */
  close(invocation: Invocation): void {
    invocation.isOpen = false
    const { all } = invocation.schedule
    if (flowOf(all) !== undefined && !isWholeFlow(all)) return
    for (const each of this.invocations) if (isWithin(each, invocation)) this.invocations.delete(each)
  }

  /** Runs the code of a task that Orchestrator runs. */
  start<T>(task: string, run: () => T): T {
    return callers.run({ execution: this.execution, task, inner: task }, run)
  }

  /** Runs the code of an invoked task. */
  step<T>(task: string, run: () => T): T {
    return callers.run({ execution: this.execution, task, ...this.caller, inner: task }, run)
  }

  /** Open invocations that the calling code is part of, innermost first. */
  private openInvocations(): Invocation[] {
    const found: Invocation[] = []
    for (let each = this.caller?.invocation; each; each = each.outer) if (each.isOpen) found.push(each)
    return found
  }

  private get caller(): Caller | undefined {
    const found = callers.getStore()
    return found?.execution === this.execution ? found : undefined
  }

  /** Names of the tasks of the run itself, and of its invocations, outermost first. */
  private parts(counts: (invocation: Invocation) => boolean): ReadonlySet<string>[] {
    const invoked = [...this.invocations].filter(counts).map(({ schedule }) => schedule.all)
    return this.shipit.isRunning ? [this.plan.all, ...invoked] : invoked
  }
}

function isWithin(invocation: Invocation | undefined, outer: Invocation): boolean {
  return invocation !== undefined && (invocation === outer || isWithin(invocation.outer, outer))
}
