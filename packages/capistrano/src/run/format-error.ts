/** An error as Shipit's log prints it: without the stack if `showStack` is false. */
export function formatError(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if ('showStack' in error && error.showStack === false) return error.toString()
  return error.stack ?? error.toString()
}
