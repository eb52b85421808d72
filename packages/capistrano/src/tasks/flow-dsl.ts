import type { Capistrano } from '../capistrano.js'
import type { PluginApi } from '../plugin/api.js'

/** The DSL as the flow's own tasks are defined with: plugins may replace those once. */
export type FlowDsl = Capistrano & Pick<PluginApi, 'replace'>
