import type { Executions } from '../run/execution.js'
import type { Shipit } from './shipit.js'

/**
 * Ends a run when Shipit stops, for which there is no event in time, and reports failure tasks' errors after Shipit has logged
 * the first one.
 */
export function followLifecycle(shipit: Shipit, executions: Executions, close: () => void): void {
  const stop = shipit.stop.bind(shipit)
  shipit.stop = (error, successful) => {
    executions.end()
    close()
    stop(error, successful)
  }
  for (const event of ['task_err', 'task_not_found'])
    shipit.on(event, () => executions.current.failure.conclude())
}
