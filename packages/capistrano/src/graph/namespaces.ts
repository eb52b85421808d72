import type { Task } from '../shipit/shipit.js'

/** A name as it was written, and what it may stand for: the innermost namespace first, as Rake looks it up. */
export interface ScopedName {
  readonly written: string
  readonly candidates: readonly string[]
}

/** Finds the task that a name stands for; the name as written if there is none. */
export function resolveName(
  { written, candidates }: ScopedName,
  tasks: Readonly<Record<string, Task>>,
): string {
  return candidates.find((candidate) => tasks[candidate]) ?? written
}

/** The namespaces that a shipitfile is in while it defines tasks. */
export class Namespaces {
  private readonly stack: string[] = []
  private readonly dependencies = new Map<string, readonly ScopedName[]>()

  /** Runs `define` inside of a namespace. */
  within(name: string, define: () => void): void {
    this.stack.push(name)
    try {
      define()
    } finally {
      this.stack.pop()
    }
  }

  /** The full name of a task that is defined here. */
  qualify(name: string): string {
    return [...this.stack, name].join(':')
  }

  /** A task's name that is used here. The task may be defined later. */
  scoped(written: string): ScopedName {
    const candidates = this.stack.map((_, index) =>
      [...this.stack.slice(0, this.stack.length - index), written].join(':'),
    )
    return { written, candidates: [...candidates, written] }
  }

  /** Notes the dependencies of a task that is defined here, to be resolved when all tasks are known. */
  depends(task: string, dependencies: readonly string[]): void {
    if (this.stack.length === 0) this.dependencies.delete(task)
    else
      this.dependencies.set(
        task,
        dependencies.map((name) => this.scoped(name)),
      )
  }

  /** Puts full names into the dependencies that were noted. */
  resolveDependencies(tasks: Readonly<Record<string, Task>>): void {
    for (const [name, dependencies] of this.dependencies) {
      const task = tasks[name]
      if (task) task.dep = dependencies.map((dependency) => resolveName(dependency, tasks))
    }
    this.dependencies.clear()
  }
}
