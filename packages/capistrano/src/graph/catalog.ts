/** Where a task does its work. */
export type Place = 'deploy machine' | 'servers' | 'deploy machine and servers'

/** A task's description in lists. */
export interface Description {
  readonly text: string
  /** Undefined if not declared. */
  readonly runsOn?: Place | undefined
  /** Tasks that it may run with `invoke`. */
  readonly invokes?: readonly string[] | undefined
}

export class Catalog {
  private readonly descriptions = new Map<string, Description>()
  private next: Description | undefined

  /** Describes the task defined next. */
  announce(description: Description): void {
    this.next = description
  }

  /** Records that a task was defined. */
  defined(name: string): void {
    if (this.next) this.descriptions.set(name, this.next)
    this.next = undefined
  }

  /** Describes a task, no matter who defines it. */
  describe(name: string, description: Description): void {
    this.descriptions.set(name, description)
  }

  of(name: string): Description | undefined {
    return this.descriptions.get(name)
  }
}
