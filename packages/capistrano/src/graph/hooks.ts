import type { Task } from '../shipit/shipit.js'
import { resolveName, type ScopedName } from './namespaces.js'

/** When a hook runs: before its target's dependencies, or after the target. */
export type When = 'before' | 'after'

export interface Hook<Name = string> {
  readonly when: When
  readonly target: Name
  readonly hook: Name
}

/** Hooks with resolved names, by target. */
export class HookTable {
  private readonly hooks: Record<When, Map<string, Set<string>>> = { before: new Map(), after: new Map() }

  private readonly names = new Set<string>()

  /** @param barriers names of other tasks that are barriers, like hooks */
  constructor(
    all: readonly Hook[],
    private readonly barriers: ReadonlySet<string> = new Set(),
  ) {
    for (const { when, target, hook } of all) {
      this.names.add(hook)
      const hooks = this.hooks[when]
      const known = hooks.get(target)
      if (known) known.add(hook)
      else hooks.set(target, new Set([hook]))
    }
  }

  /** Whether a task waits for everything before it, and everything after waits for it. */
  isBarrier(name: string): boolean {
    return this.names.has(name) || this.barriers.has(name)
  }

  /** A target's hooks, each once, in the order declared. */
  of(when: When, target: string): Iterable<string> {
    return this.hooks[when].get(target) ?? []
  }
}

/** The declared hooks, in order. */
export class Hooks {
  private readonly declared: Hook<ScopedName>[] = []

  add(when: When, target: ScopedName, hook: ScopedName): void {
    this.declared.push({ when, target, hook })
  }

  /** The hooks with full task names, where the tasks exist. */
  resolve(tasks: Readonly<Record<string, Task>>): Hook[] {
    return this.declared.map(({ when, target, hook }) => ({
      when,
      target: resolveName(target, tasks),
      hook: resolveName(hook, tasks),
    }))
  }
}
