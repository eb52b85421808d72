import type { Task } from '../shipit.js'
import type { Sequence } from './sequence.js'

/** Tells which tasks of a sequence may start, with barriers respected. Tasks never become undone within a sequence. */
export class Schedule {
  private readonly position: ReadonlyMap<string, number>
  private readonly barriers: readonly number[]
  private firstUndone = 0
  private nextBarrier = 0

  constructor(
    private readonly tasks: Readonly<Record<string, Task>>,
    private readonly sequence: Sequence,
  ) {
    this.position = new Map(sequence.names.map((name, index) => [name, index]))
    this.barriers = sequence.names.flatMap((name, index) => (sequence.barriers.has(name) ? [index] : []))
  }

  allows(name: string): boolean {
    const position = this.position.get(name)
    if (position === undefined) return true
    if (this.sequence.barriers.has(name)) {
      while (this.done(this.firstUndone)) this.firstUndone += 1
      return this.firstUndone >= position
    }
    while (this.done(this.barriers[this.nextBarrier])) this.nextBarrier += 1
    return (this.barriers[this.nextBarrier] ?? Infinity) > position
  }

  private done(position: number | undefined): boolean {
    const name = position === undefined ? undefined : this.sequence.names[position]
    return name !== undefined && this.tasks[name]?.done === true
  }
}
