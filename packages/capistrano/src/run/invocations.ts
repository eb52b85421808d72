import { AsyncLocalStorage } from 'node:async_hooks'
import { flowOf, isWholeFlow, type Flow } from '../flow/flow-of.js'
import { Schedule } from '../graph/schedule.js'
import type { Shipit } from '../shipit/shipit.js'
import type { Execution } from './execution.js'

/** Tasks that run one behind the other inside of a task, which invoked them; or behind a failure. */
export interface Invocation {
  /** What is started in the middle of them goes here. */
  readonly schedule: Schedule
  /** The task that invoked them. */
  readonly by: string | undefined
  readonly outer: Invocation | undefined
  isOpen: boolean
}

/** Whose code it is that asks. */
interface Asking {
  readonly execution: Execution
  /** The task that Orchestrator runs. */
  readonly task: string
  /** The task itself, if that one invoked it. */
  readonly inner: string
  readonly invocation?: Invocation | undefined
}

/** One for all: Node passes each that there is on with every promise. */
const asking = new AsyncLocalStorage<Asking>()

/** The execution whose task's code asks; undefined outside of tasks. */
export function executionOfCode(): Execution | undefined {
  return asking.getStore()?.execution
}

/** Which tasks a run is made of, those that tasks invoke among them, and which flow they make. */
export class Invocations {
  /** The innermost last. Phases that are invoked one by one make a flow, so they stay until the run ends. */
  private readonly invocations = new Set<Invocation>()
  /** The order of the run itself. */
  readonly plan: Schedule

  constructor(
    private readonly shipit: Shipit,
    private readonly execution: Execution,
  ) {
    this.plan = new Schedule(() => shipit.tasks)
  }

  /** The flow that is running, if one is; of a flow that was invoked in another one, that. */
  get flow(): Flow | undefined {
    return this.parts(() => true).reduce<Flow | undefined>((outer, names) => flowOf(names, outer), undefined)
  }

  /** Whether all that is invoked now is part of a flow, whose failure tasks run if it fails. */
  get isInFlow(): boolean {
    return this.parts(({ isOpen }) => isOpen).some((names) => flowOf(names) !== undefined)
  }

  /** Whether a task is part of the run. */
  includes(task: string): boolean {
    return this.parts(() => true).some((names) => names.has(task))
  }

  /** Whether a task is still to run behind the one that asks, in the same list. */
  isBehind(name: string): boolean {
    return this.schedule.names.includes(name) && !this.shipit.tasks[name]?.running
  }

  /** The task of Orchestrator's whose code asks, or which invoked that; undefined outside of tasks. */
  get task(): string | undefined {
    return this.asking?.task
  }

  /** Where what is started by the code that asks has its place. */
  get schedule(): Schedule {
    return this.openInvocations()[0]?.schedule ?? this.plan
  }

  /**
   * Names of the tasks that see what the task that asks has done before another one does: those that are to run ahead of
   * that one, and those that invoked the task that asks.
   */
  until(name: string): string[] {
    const invocations = this.openInvocations()
    const schedules = [...invocations.map(({ schedule }) => schedule), this.plan]
    const last = schedules.findIndex((schedule) => schedule.names.includes(name))
    const within = last < 0 ? schedules : schedules.slice(0, last + 1)
    const names = within.flatMap((schedule, depth) => [
      ...schedule.ahead(name),
      ...(depth < within.length - 1 ? [invocations[depth]?.by ?? ''] : []),
    ])
    const { task, inner } = this.asking ?? {}
    return [...new Set(names)].filter(
      (each) => each !== '' && each !== (invocations.length > 0 ? inner : task),
    )
  }

  /** Names of the tasks that run, but for those that wait for what they invoked. */
  get busy(): string[] {
    const waiting = new Set([...this.invocations].flatMap(({ isOpen, by }) => (isOpen ? by : [])))
    return Object.values(this.shipit.tasks).flatMap(({ name, running }) =>
      running && !waiting.has(name) ? [name] : [],
    )
  }

  /** Begins tasks that run one behind the other, inside of the task that asks. */
  open(schedule: Schedule): Invocation {
    const { inner: by, invocation: outer } = this.asking ?? {}
    const invocation = { schedule, by, outer, isOpen: true }
    this.invocations.add(invocation)
    return invocation
  }

  /** Runs code as part of them. */
  inside<T>(invocation: Invocation, run: () => T): T {
    const { task = '', inner = '' } = this.asking ?? {}
    return asking.run({ execution: this.execution, task, inner, invocation }, run)
  }

  /** Ends them. */
  close(invocation: Invocation): void {
    invocation.isOpen = false
    const { all } = invocation.schedule
    if (flowOf(all) !== undefined && !isWholeFlow(all)) return
    for (const each of this.invocations) if (isWithin(each, invocation)) this.invocations.delete(each)
  }

  /** Runs the code of a task that Orchestrator runs. */
  start<T>(task: string, run: () => T): T {
    return asking.run({ execution: this.execution, task, inner: task }, run)
  }

  /** Runs the code of a task that another one invoked. */
  step<T>(task: string, run: () => T): T {
    return asking.run({ execution: this.execution, task, ...this.asking, inner: task }, run)
  }

  /** Those that the code that asks is part of, from the inside out. */
  private openInvocations(): Invocation[] {
    const found: Invocation[] = []
    for (let each = this.asking?.invocation; each; each = each.outer) if (each.isOpen) found.push(each)
    return found
  }

  private get asking(): Asking | undefined {
    const found = asking.getStore()
    return found?.execution === this.execution ? found : undefined
  }

  /** Names of the tasks of the run itself, and of what was invoked in it, from the outside in. */
  private parts(counts: (invocation: Invocation) => boolean): ReadonlySet<string>[] {
    const invoked = [...this.invocations].filter(counts).map(({ schedule }) => schedule.all)
    return this.shipit.isRunning ? [this.plan.all, ...invoked] : invoked
  }
}

function isWithin(invocation: Invocation | undefined, outer: Invocation): boolean {
  return invocation !== undefined && (invocation === outer || isWithin(invocation.outer, outer))
}
