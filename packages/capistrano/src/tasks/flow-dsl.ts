import type { Capistrano } from '../capistrano.js'
import type { PluginApi } from '../plugin/api.js'
import type { Work } from '../ssh/together.js'

/** The DSL for the flow's own tasks, each of which one plugin may replace. */
export interface FlowDsl extends Capistrano, Pick<PluginApi, 'replace'> {
  /**
   * Asks the servers that take releases a last question with all that checks still ask, and reports what checks have found.
   * @throws what checks have found, as one error
   */
  readonly reportChecks: <T>(work: Work<T>) => Promise<T[]>
}
