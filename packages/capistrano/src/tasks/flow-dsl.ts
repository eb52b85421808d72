import type { Capistrano } from '../capistrano.js'
import type { PluginApi } from '../plugin/api.js'

/** The DSL for the flow's own tasks, each of which one plugin may replace. */
export type FlowDsl = Capistrano & Pick<PluginApi, 'replace'>
