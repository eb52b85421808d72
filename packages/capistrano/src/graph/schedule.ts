import type { Task } from '../shipit/shipit.js'
import type { Sequence } from './sequence.js'

/** One time that a task is to run. */
interface Entry {
  readonly name: string
  readonly isBarrier: boolean
  readonly isHook: boolean
  position: number
  ended: boolean
}

/**
 * The order of a run, and which of its tasks may start. What was planned stays as it is when something is started in the
 * middle: that comes ahead of all that has not started, with its own dependencies and hooks, all of which run again if they
 * ran before. A task that was to run later anyway does not run then, unless it is a hook: its place is beside its target.
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

  /** Starts more in a run. */
  start(sequence: Sequence): void {
    // What runs is on its way; but a hook that runs may be beside an earlier run of its target.
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
    // Orchestrator takes what it believes to start anew for undone; what runs, or is not started, is not.
    for (const name of this.known) {
      const task = this.tasks()[name]
      if (task && !task.running && !this.next(name)) task.done = true
    }
  }

  /** Names of all that was planned, whether it has run or not. */
  get all(): ReadonlySet<string> {
    return this.known
  }

  /** Whether all of it has run. */
  get isDone(): boolean {
    return this.entries.every(({ ended }) => ended)
  }

  /** Names of what is to run, in order, each once. */
  get names(): string[] {
    return [...new Set(this.entries.flatMap(({ name, ended }) => (ended ? [] : [name])))]
  }

  /** Names of what is to run, or runs, ahead of a task; all of it if that one is not to run. */
  ahead(name: string): string[] {
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

  /** Notes that a task of the order has started. */
  started(name: string): void {
    const entry = this.next(name)
    if (entry) this.running.set(name, entry)
  }

  /**
   * Notes that a task has ended. One that another task invoked, in the middle, does not run in its place again, unless it
   * failed there.
   */
  ended(task: Task): void {
    const entry = this.running.get(task.name)
    this.running.delete(task.name)
    const elsewhere = task.failed ? [] : (this.pending.get(task.name) ?? [])
    for (const each of entry ? [entry] : elsewhere) each.ended = true
    if (this.next(task.name)) task.done = false
  }

  /** The tasks one behind the other, with what is started meanwhile, and without what has run elsewhere. */
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

/** Whether a task has run in this run; one that failed has not. */
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
