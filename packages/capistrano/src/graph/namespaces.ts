import type { Task } from '../shipit/shipit.js'

/** A name as written, and the full names it may stand for: the innermost namespace first, as in Rake. */
export interface ScopedName {
  readonly written: string
  readonly candidates: readonly string[]
}

/** The full name that a name stands for, or the name as written if there is no such task. */
export function resolveName(
  { written, candidates }: ScopedName,
  tasks: Readonly<Record<string, Task>>,
): string {
  return candidates.find((candidate) => tasks[candidate]) ?? written
}

/** The stack of namespaces in which a shipitfile defines tasks. */
export class Namespaces {
  private readonly stack: string[] = []
  private readonly dependencies = new Map<string, readonly ScopedName[]>()

  /** Runs `define` inside a namespace. */
  within(name: string, define: () => void): void {
    this.stack.push(name)
    try {
      define()
    } finally {
      this.stack.pop()
    }
  }

  /** The full name of a task defined here. */
  qualify(name: string): string {
    return [...this.stack, name].join(':')
  }

  /** A reference to a task, which may be defined later. */
  scoped(written: string): ScopedName {
    const candidates = this.stack.map((_, index) =>
      [...this.stack.slice(0, this.stack.length - index), written].join(':'),
    )
    return { written, candidates: [...candidates, written] }
  }

  /** Records the dependencies of a task defined here, to resolve once all tasks are known. */
  depends(task: string, dependencies: readonly string[]): void {
    if (this.stack.length === 0) this.dependencies.delete(task)
    else
      this.dependencies.set(
        task,
        dependencies.map((name) => this.scoped(name)),
      )
  }

  /** Replaces the recorded dependencies with full names. */
  resolveDependencies(tasks: Readonly<Record<string, Task>>): void {
    for (const [name, dependencies] of this.dependencies) {
      const task = tasks[name]
      if (task) task.dep = dependencies.map((dependency) => resolveName(dependency, tasks))
    }
    this.dependencies.clear()
  }
}
