/** When a hook runs: before its target's dependencies, or after the target. */
export type When = 'before' | 'after'

/** One declared hook. */
export interface Hook {
  readonly when: When
  readonly target: string
  readonly hook: string
}

/** The hooks that were declared, in that order. */
export class Hooks {
  private readonly declared: Hook[] = []

  add(when: When, target: string, hook: string): void {
    if (!this.of(when, target).includes(hook)) this.declared.push({ when, target, hook })
  }

  of(when: When, target: string): string[] {
    return this.declared
      .filter((each) => each.when === when && each.target === target)
      .map(({ hook }) => hook)
  }

  all(): readonly Hook[] {
    return this.declared
  }
}
