import type { Task } from '../shipit/shipit.js'
import { hookMistakes } from './hook-mistakes.js'
import { Hooks, HookTable, type Hook } from './hooks.js'
import { Namespaces } from './namespaces.js'
import { sequence, type Sequence } from './sequence.js'

/** Tasks, hooks and namespaces of one Shipit instance. */
export class Graph {
  readonly namespaces = new Namespaces()
  readonly hooks = new Hooks()
  /** Names of other tasks that are barriers, like hooks. */
  readonly barriers = new Set<string>()

  constructor(private readonly tasks: () => Readonly<Record<string, Task>>) {}

  /** Tasks in running order. @throws {SequenceError} */
  sequence(names: readonly string[]): Sequence {
    return sequence(this.resolved(), names, new HookTable(this.declaredHooks(), this.barriers))
  }

  /** The hooks, with the full names of their tasks. */
  declaredHooks(): Hook[] {
    return this.hooks.resolve(this.tasks())
  }

  mistakes(): string[] {
    return hookMistakes(this.resolved(), this.declaredHooks())
  }

  private resolved(): Readonly<Record<string, Task>> {
    const tasks = this.tasks()
    this.namespaces.resolveDependencies(tasks)
    return tasks
  }
}
