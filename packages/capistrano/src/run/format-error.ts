/** An error as Shipit's log prints it: without its stack if it is meant for people. */
export function formatError(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if ('showStack' in error && error.showStack === false) return error.toString()
  return error.stack ?? error.toString()
}
