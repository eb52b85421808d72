import type { DebugLogger } from 'node:util'
import { withoutCredentials } from '../git/without-credentials.js'

/**
 * Runs something, and logs how it ended and in how many milliseconds, if NODE_DEBUG enables that. User and password are removed
 * from URLs; `what` and `describe` must not contain other secrets.
 * @param log from `util.debuglog`
 * @param what one line about what is done
 * @param describe describes the outcome in a few words; a failure is logged by its code and status
 */
export async function traced<T>(
  log: DebugLogger,
  what: string,
  run: () => PromiseLike<T>,
  describe: (value: T) => string = () => 'done',
): Promise<T> {
  if (!log.enabled) return run()
  const from = performance.now()
  const report = (outcome: string): void =>
    log('%s: %s, %d ms', withoutCredentials(what), outcome, Math.round(performance.now() - from))
  try {
    const value = await run()
    report(describe(value))
    return value
  } catch (error) {
    const { name, status } = error as { name?: string; status?: number | null }
    report(`failed with ${name}${typeof status === 'number' ? `, status ${status}` : ''}`)
    throw error
  }
}
