/**
 * Base class of user-facing errors, with a literal `code` and a message that says what is wrong, where, and what to do.
 * `showStack = false` makes Shipit's log print only the message.
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

/** The message of anything thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
