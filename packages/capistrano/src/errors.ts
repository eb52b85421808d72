/**
 * Base of the errors that are meant for people: a literal `code`, a message that says what is wrong, where,
 * and what to do. `showStack = false` makes Shipit's log print the message alone.
 */
export class DeployError extends Error {
  readonly showStack = false

  constructor(
    readonly code: string,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options)
    this.name = code
  }

  /** Shipit prints errors without a stack through this. */
  override toString(): string {
    return `${this.message} [${this.name}]`
  }
}
