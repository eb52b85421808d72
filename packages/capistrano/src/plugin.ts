import { posix } from 'node:path'
import shipitDeploy from 'shipit-deploy'
import type { Capistrano, DefineTask } from './capistrano.js'
import { DeployError } from './errors.js'
import { skippedPhaseHooks } from './flow/skipped-phases.js'
import { Catalog, type Description } from './graph/catalog.js'
import { Graph } from './graph/graph.js'
import type { When } from './graph/hooks.js'
import { createPrint } from './inspection/output.js'
import type { PluginApi } from './plugin/api.js'
import { Extensions } from './plugin/extensions.js'
import { checkFunction } from './run/checks.js'
import { Executions } from './run/execution.js'
import type { Run } from './run/run.js'
import { joiner } from './run/trips.js'
import { filterHosts } from './servers/filter.js'
import { primaryOf, releasing, withRole } from './servers/roles.js'
import { DEFAULT_BRANCH } from './settings/default-branch.js'
import { ConfigError } from './settings/mistakes.js'
import { belowHome, deployTo, releasePath } from './settings/paths.js'
import { Settings } from './settings/settings.js'
import { isGroup } from './shipit/group.js'
import { followLifecycle } from './shipit/lifecycle.js'
import { adaptLocalCommands } from './shipit/local-commands.js'
import { normalizeServers } from './shipit/normalize-servers.js'
import { orchestrate } from './shipit/orchestrator.js'
import { Replacements } from './shipit/replacements.js'
import { hideRepositoryPassword } from './shipit/repository-password.js'
import { refuseOtherVersion } from './shipit/supported-version.js'
import { taskWatchers } from './shipit/task-events.js'
import { throwForPeople } from './shipit/throw-for-people.js'
import type { Shipit, TaskFunction } from './shipit/shipit.js'
import { Connections } from './ssh/connections.js'
import type { Host } from './ssh/host.js'
import { onHosts, type OnOptions } from './ssh/on-hosts.js'
import { defineFlows } from './tasks/deploy.js'
import type { FlowDsl } from './tasks/flow-dsl.js'
import { defineTimeline } from './tasks/timeline.js'
import { TimelineStore } from './timeline/store.js'
import { defineInspection } from './tasks/inspection.js'

/** One DSL per Shipit instance, even if this module is loaded twice (as CommonJS and as ESM, say). */
const INSTANCE = Symbol.for('shipit-capistrano')

/**
 * Adds Capistrano's DSL and deploy flow to a Shipit instance, and loads shipit-deploy if the shipitfile has not.
 * Calling it again returns the same DSL.
 *
 * Settings and hooks are checked when Shipit initialises; all mistakes are reported in one {@link ConfigError}.
 * @throws {DeployError} `E_SHIPIT` for a Shipit that is not from shipit-cli 5
 */
export default function capistrano(shipit: Shipit): Capistrano {
  refuseOtherVersion(shipit)
  const instance = shipit as Shipit & { [INSTANCE]?: Capistrano }
  return (instance[INSTANCE] ??= create(shipit))
}

/** Descriptions of the tasks that remain shipit-deploy's own. */
const SHIPIT_DEPLOY: Readonly<Record<string, Description>> = {
  'deploy:fetch': { text: 'Fetches the repository into the workspace', runsOn: 'deploy machine' },
  pending: { text: 'Shows the commits that are not deployed yet', runsOn: 'deploy machine and servers' },
}

function create(shipit: Shipit): Capistrano {
  loadShipitDeploy(shipit)
  const graph = new Graph(() => shipit.tasks)
  const catalog = new Catalog()
  for (const [name, description] of Object.entries(SHIPIT_DEPLOY)) catalog.describe(name, description)
  const settings = new Settings()
  const extensions = new Extensions()
  const replacements = new Replacements(shipit)
  let connections: Connections | undefined
  const close = (): void => connections?.close()
  const executions = new Executions({
    shipit,
    graph,
    extensions,
    replacements,
    close,
    warmUp: () => connections?.warmUp(releasing(connections.hosts)),
    hosts: () => releasing(hosts()),
  })
  const signal = (): AbortSignal => executions.current.signal.current

  const task: DefineTask = (name, dependencies, fn) => {
    const [before, body] = typeof dependencies === 'function' ? [[], dependencies] : [dependencies ?? [], fn]
    const fullName = graph.namespaces.qualify(name)
    shipit.blTask(fullName, [...before], body)
    graph.namespaces.depends(fullName, before)
    catalog.defined(fullName)
  }
  const hook =
    (when: When) =>
    (target: string, name: string, fn?: TaskFunction): void => {
      const { namespaces } = graph
      if (fn) task(name, [], fn)
      graph.hooks.add(when, namespaces.scoped(target), namespaces.scoped(name))
    }
  const replaceFor =
    (owner: 'flow' | 'plugin'): PluginApi['replace'] =>
    (name, dependencies, fn) => {
      replacements.define(name, { dependencies, fn, owner })
      catalog.defined(name)
    }

  const connected = (): Connections => {
    if (connections) return connections
    throw new DeployError(
      'E_NOT_INITIALIZED',
      'The servers are not known until Shipit has initialised: read them inside a task.',
    )
  }
  const hosts = (): readonly Host[] => connected().hosts
  const roles = (...names: readonly string[]): Host[] => withRole(hosts(), names)

  const plugin: PluginApi = {
    get run() {
      return executions.current.run
    },
    perRun: <T>(make: (run: Run) => T) => {
      const made = new WeakMap<Run, { readonly value: T }>()
      return () => {
        const { run } = executions.current
        const found = made.get(run) ?? { value: make(run) }
        made.set(run, found)
        return found.value
      }
    },
    settings: (section) => settings.add(section),
    replace: replaceFor('plugin'),
    barrier: (name) => void graph.barriers.add(name),
    check: (check, isFinal) => checkFunction(check, () => executions.current.checks, isFinal),
    joins: (run, until, unless = () => false) =>
      joiner(
        () => {
          const { trips } = executions.current
          return unless() ? trips.doNow(run) : trips.join(run, until)
        },
        () => !unless(),
      ),
    inOrder: (run) => executions.current.trips.inOrder(run),
    beforeTask: (check) => void extensions.beforeTask.push(check),
    beforePublish: (ask) => void extensions.beforePublish.push(ask),
    onAbort: (end) => void extensions.onAbort.push(end),
    restoreRelease: extensions.restoreRelease.register,
    pullTask: (name) => void extensions.pullTasks.add(name),
    offerLock: extensions.lockOffer.register,
    offeredLock: async () => extensions.lockOffer.value?.(),
    timelineFolder: extensions.timelineFolder.register,
    statusColumn: extensions.statusColumns.register,
    statusLine: extensions.statusLines.register,
    planLine: extensions.planLines.register,
    plannedRevision: extensions.plannedRevision.register,
    print: createPrint((line) => shipit.log(line)),
    hooksOf: (name) => [...graph.sequence([name]).barriers],
    tasksUntil: (name) =>
      executions.current.tasks.until(name).filter((each) => {
        const found = shipit.tasks[each]
        return found && !isGroup(found) && !replacements.has(each)
      }),
    taskWatchers: () => taskWatchers(shipit),
    leftOut: () => connected().leftOut,
    deployTo: () => deployTo(shipit.config),
    releasePath: (release = plugin.run.chosenRelease()) => releasePath(shipit.config, release),
    sharedPath: (...below) => posix.join(deployTo(shipit.config), 'shared', ...below),
    branch: () => shipit.config.branch ?? DEFAULT_BRANCH,
  }

  const dsl: Capistrano = {
    task,
    desc: (text, options) => catalog.announce({ text, ...options }),
    namespace: (name, define) => graph.namespaces.within(name, define),
    before: hook('before'),
    after: hook('after'),
    invoke: Object.assign((name: string) => executions.current.runner.invoke(name), {
      again: (name: string) => executions.current.runner.again(name),
    }),
    hosts,
    roles,
    releaseRoles: (...names) => releasing(roles(...names)),
    primary: (role) => primaryOf(hosts(), role),
    on: <T>(
      targets: readonly Host[],
      options: OnOptions | ((host: Host) => Promise<T>),
      fn?: (host: Host) => Promise<T>,
    ) => {
      const [chosen, body] = typeof options === 'function' ? [{}, options] : [options, fn]
      if (!body) throw new DeployError('E_ON', 'on(hosts, options, fn): the function is missing.')
      return onHosts(targets, chosen, body, signal())
    },
    signal,
    plugin,
  }

  shipit.on('init', () => {
    replacements.apply()
    const mistakes = [...settings.check(shipit), ...graph.mistakes()]
    if (mistakes.length > 0) throwForPeople(new ConfigError(shipit.environment, mistakes))
    const { config } = shipit
    if (typeof config.deployTo === 'string') config.deployTo = belowHome(config.deployTo)
    config.servers = normalizeServers(config.servers ?? [])
    for (const warning of skippedPhaseHooks(graph)) shipit.log(`Warning: ${warning}.`)
  })
  shipit.on('init:after_ssh_pool', () => {
    connections = new Connections(shipit, signal, () => executions.current.run.timeline)
    const { hosts: kept, mistakes } = filterHosts(connections.hosts, process.env)
    if (mistakes.length > 0) throwForPeople(new ConfigError(shipit.environment, mistakes))
    connections.narrow(kept)
  })

  followLifecycle(shipit, executions, close)
  adaptLocalCommands(shipit, signal)
  hideRepositoryPassword(shipit)
  orchestrate(shipit, graph, executions)
  const flowDsl: FlowDsl = {
    ...dsl,
    replace: replaceFor('flow'),
    reportChecks: (work) => executions.current.checks.report(work),
  }
  defineInspection(shipit, flowDsl, { graph, catalog, extensions })
  defineTimeline(shipit, flowDsl, () => {
    const folder = extensions.timelineFolder.value?.()
    return folder === undefined ? undefined : new TimelineStore(folder)
  })
  defineFlows(shipit, flowDsl, extensions)
  return dsl
}

/** The shipitfile's own tasks win over shipit-deploy's of the same name. */
function loadShipitDeploy(shipit: Shipit): void {
  if (shipit.tasks['deploy:init']) return
  const own = { ...shipit.tasks }
  shipitDeploy(shipit)
  Object.assign(shipit.tasks, own)
}
