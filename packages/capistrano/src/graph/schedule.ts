import type { Task } from '../shipit/shipit.js'
import type { Sequence } from './sequence.js'

/** One planned run of a task. */
interface Entry {
  readonly name: string
  readonly isBarrier: boolean
  readonly isHook: boolean
  position: number
  ended: boolean
}

/**
 * The order of a run, and which of its tasks may start. Tasks started during a run go before everything not yet started, with
 * their dependencies and hooks, all of which run again if they have already run; the rest of the order stays. They do not run
 * again in their planned place, except for hooks, which belong to their targets.
 */
export class Schedule {
  private entries: Entry[] = []
  private pending = new Map<string, Entry[]>()
  private readonly running = new Map<string, Entry>()
  private readonly known = new Set<string>()
  private barriers: Entry[] = []
  private firstPending = 0
  private nextBarrier = 0

  constructor(private readonly tasks: () => Readonly<Record<string, Task>>) {}

  /** Begins a run. */
  begin(sequence: Sequence): void {
    this.running.clear()
    this.known.clear()
    this.arrange(entriesOf(sequence))
  }

  /** Adds tasks to a run. */
  start(sequence: Sequence): void {
    // Running tasks are not added again; but a running hook may belong to an earlier run of its target.
    const started = entriesOf(sequence).filter(({ name, isHook }) => isHook || !this.running.has(name))
    const running = [...this.running.values()]
    const names = new Set(started.map(({ name }) => name))
    for (const { name } of started) {
      const task = this.tasks()[name]
      if (task && !task.running) task.done = false
    }
    const planned = this.entries.filter(
      (entry) => !entry.ended && !running.includes(entry) && (entry.isHook || !names.has(entry.name)),
    )
    this.arrange([...running, ...started, ...planned])
    // Orchestrator marks everything it believes to be starting as not done, even what is not started again.
    for (const name of this.known) {
      const task = this.tasks()[name]
      if (task && !task.running && !this.next(name)) task.done = true
    }
  }

  /** Names of all planned tasks, whether they have run or not. */
  get all(): ReadonlySet<string> {
    return this.known
  }

  /** Whether all tasks have run. */
  get isDone(): boolean {
    return this.entries.every(({ ended }) => ended)
  }

  /** Names of tasks that have not ended, in order, each once. */
  get names(): string[] {
    return [...new Set(this.entries.flatMap(({ name, ended }) => (ended ? [] : [name])))]
  }

  /** Names of tasks before a task that have not ended; all of them if it is not planned. */
  before(name: string): string[] {
    const { names } = this
    return names.slice(0, names.includes(name) ? names.indexOf(name) : names.length)
  }

  /** Whether a task may start now. */
  allows({ name, dep }: Task): boolean {
    const entry = this.next(name)
    if (!entry) return false
    if (dep.some((dependency) => (this.next(dependency)?.position ?? Infinity) < entry.position)) return false
    if (entry.isBarrier) {
      return (this.first()?.position ?? Infinity) >= entry.position
    }
    while (this.barriers[this.nextBarrier]?.ended) this.nextBarrier += 1
    return (this.barriers[this.nextBarrier]?.position ?? Infinity) > entry.position
  }

  /** Records that a planned task has started. */
  started(name: string): void {
    const entry = this.next(name)
    if (entry) this.running.set(name, entry)
  }

  /**
   * Records that a task has ended. One that another task invoked does not run again in its own place, unless it failed.
   */
  ended(task: Task): void {
    const entry = this.running.get(task.name)
    this.running.delete(task.name)
    const elsewhere = task.failed ? [] : (this.pending.get(task.name) ?? [])
    for (const each of entry ? [entry] : elsewhere) each.ended = true
    if (this.next(task.name)) task.done = false
  }

  /** The tasks one after another, with those started meanwhile, without those that have run elsewhere. */
  *oneByOne(): Generator<Task> {
    for (let entry = this.first(); entry; entry = this.first()) {
      const task = this.tasks()[entry.name]
      if (!task || hasRun(task)) {
        entry.ended = true
        continue
      }
      this.started(task.name)
      yield task
      this.ended(task)
    }
  }

  private first(): Entry | undefined {
    while (this.entries[this.firstPending]?.ended) this.firstPending += 1
    return this.entries[this.firstPending]
  }

  private next(name: string): Entry | undefined {
    const entries = this.pending.get(name)
    while (entries?.[0]?.ended) entries.shift()
    return entries?.[0]
  }

  private arrange(entries: Entry[]): void {
    this.entries = entries
    this.barriers = entries.filter(({ isBarrier }) => isBarrier)
    this.pending = new Map()
    this.firstPending = 0
    this.nextBarrier = 0
    for (const [position, entry] of entries.entries()) {
      entry.position = position
      this.known.add(entry.name)
      this.pending.set(entry.name, [...(this.pending.get(entry.name) ?? []), entry])
    }
  }
}

/** Whether a task has already run in this run; a failed one does not count. */
export function hasRun({ done = false, failed = false }: Task): boolean {
  return done && !failed
}

function entriesOf({ names, barriers, hooks }: Sequence): Entry[] {
  return names.map((name, position) => ({
    name,
    isBarrier: barriers.has(name),
    isHook: hooks.has(name),
    position,
    ended: false,
  }))
}
