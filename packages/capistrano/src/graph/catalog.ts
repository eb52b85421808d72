/** Where a task does its work. */
export type Place = 'deploy machine' | 'servers' | 'deploy machine and servers'

/** What is told of a task in lists. */
export interface Description {
  readonly text: string
  /** Undefined if it was not declared. */
  readonly runsOn?: Place | undefined
  /** Tasks that it may run while it runs itself, with `invoke`. */
  readonly invokes?: readonly string[] | undefined
}

/** Descriptions of tasks. */
export class Catalog {
  private readonly descriptions = new Map<string, Description>()
  private next: Description | undefined

  /** Describes the task that is defined next. */
  announce(description: Description): void {
    this.next = description
  }

  /** Notes that a task was defined. */
  defined(name: string): void {
    if (this.next) this.descriptions.set(name, this.next)
    this.next = undefined
  }

  /** Describes a task, whoever defines it. */
  describe(name: string, description: Description): void {
    this.descriptions.set(name, description)
  }

  /** What is known of a task. */
  of(name: string): Description | undefined {
    return this.descriptions.get(name)
  }
}
