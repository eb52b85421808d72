import type { DebugLogger } from 'node:util'
import { withoutCredentials } from '../git/without-credentials.js'

/**
 * Does something, and tells how it ended and in how many milliseconds, where NODE_DEBUG asks for it. Addresses in what is told
 * lose user and password; anything else that is secret may not be in it.
 * @param log of `util.debuglog`
 * @param what is done, in a line
 * @param describe what came of it, in a few words; a failure is told by its code, and status
 */
export async function traced<T>(
  log: DebugLogger,
  what: string,
  run: () => PromiseLike<T>,
  describe: (value: T) => string = () => 'done',
): Promise<T> {
  if (!log.enabled) return run()
  const from = performance.now()
  const tell = (outcome: string): void =>
    log('%s: %s, %d ms', withoutCredentials(what), outcome, Math.round(performance.now() - from))
  try {
    const value = await run()
    tell(describe(value))
    return value
  } catch (error) {
    const { name, status } = error as { name?: string; status?: number | null }
    tell(`failed with ${name}${typeof status === 'number' ? `, status ${status}` : ''}`)
    throw error
  }
}
