import shipitDeploy from 'shipit-deploy'
import type { Capistrano, DefineTask, Fence, LockOffer, RestoreRelease } from './capistrano.js'
import { DeployError } from './errors.js'
import { defineFlow } from './flow/tasks.js'
import { skippedPhaseHooks } from './flow/skipped-phases.js'
import { Catalog, type Description } from './graph/catalog.js'
import { Graph } from './graph/graph.js'
import { isGroup } from './shipit/group.js'
import type { When } from './graph/hooks.js'
import { createPrint } from './inspection/output.js'
import { defineInspection } from './inspection/tasks.js'
import { CommandError, isExecFailure } from './shipit/command-error.js'
import { Checks } from './run/checks.js'
import { Failure } from './run/failure.js'
import { orchestrate } from './shipit/orchestrator.js'
import { Run } from './run/run.js'
import { RunSignal } from './run/run-signal.js'
import { TaskRunner } from './run/task-runner.js'
import { throwForPeople } from './shipit/throw-for-people.js'
import { filterHosts } from './servers/filter.js'
import { normalizeServers } from './shipit/normalize-servers.js'
import { primaryOf, releasing, withRole } from './servers/roles.js'
import { belowHome } from './settings/below-home.js'
import { ConfigError } from './settings/mistakes.js'
import { Settings } from './settings/settings.js'
import { hideRepositoryPassword } from './shipit/repository-password.js'
import { refuseOtherVersion } from './shipit/supported-version.js'
import { prepare } from './shipit/prepare.js'
import { Replacements } from './shipit/replacements.js'
import type { Shipit, Task, TaskFunction } from './shipit/shipit.js'
import { Connections } from './ssh/connections.js'
import type { Host } from './ssh/host.js'
import { onHosts, type OnOptions } from './ssh/on-hosts.js'

/** One DSL a Shipit instance, also when this module is loaded twice (as CommonJS and as a module, say). */
const INSTANCE = Symbol.for('shipit-capistrano')

/**
 * Gives a Shipit instance Capistrano's DSL and deploy flow, and loads shipit-deploy if the shipitfile has not.
 * Calling it again returns the same DSL.
 *
 * When Shipit initialises, settings and hooks are checked; what is wrong is reported in one {@link ConfigError}.
 * @throws {DeployError} `E_SHIPIT` for a Shipit that is not of shipit-cli 5
 */
export default function capistrano(shipit: Shipit): Capistrano {
  refuseOtherVersion(shipit)
  const instance = shipit as Shipit & { [INSTANCE]?: Capistrano }
  return (instance[INSTANCE] ??= create(shipit))
}

/** What is told of the tasks that stay shipit-deploy's own. */
const SHIPIT_DEPLOY: Readonly<Record<string, Description>> = {
  'deploy:fetch': { text: 'Brings the repository into the workspace', runsOn: 'deploy machine' },
  pending: { text: 'Shows the commits that are not deployed yet', runsOn: 'deploy machine and servers' },
}

function create(shipit: Shipit): Capistrano {
  const graph = new Graph(() => shipit.tasks)
  const catalog = new Catalog()
  for (const [name, description] of Object.entries(SHIPIT_DEPLOY)) catalog.describe(name, description)
  const settings = new Settings()
  const guards: (() => Promise<void>)[] = []
  /** What has to hold before a task starts. */
  const assure = async (task: Task): Promise<void> => {
    if (failure.active) return
    checks.assure(task)
    if (replacements.has(task.name)) prepare(shipit)
    for (const check of guards) await check()
  }
  const endings: (() => Promise<void>)[] = []
  let restoreRelease: RestoreRelease | undefined
  let offerLock = async (): Promise<LockOffer | undefined> => undefined
  let provideFence = async (): Promise<Fence | undefined> => undefined
  const signal = new RunSignal()
  const run = new Run(shipit)
  const runner = new TaskRunner(shipit, graph, {
    assure,
    signal,
    run,
    blame: (error, name) => failure.blame(error, name),
    flowFailed: (error) => failure.flowFailed(error),
  })
  const checks = new Checks({
    hosts: () => releasing(hosts()),
    willTell: () => runner.isToCome('deploy:check'),
    blame: (error, name) => failure.blame(error, name),
  })
  let connections: Connections | undefined

  const failure = new Failure({
    shipit,
    runner,
    signal,
    run,
    endings,
    close: () => connections?.close(),
  })

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

  const connected = (): Connections => {
    if (!connections)
      throw new DeployError(
        'E_NOT_INITIALIZED',
        'Servers are known once Shipit has initialised: ask for them inside of a task.',
      )
    return connections
  }
  const hosts = (): readonly Host[] => connected().hosts
  const roles = (...names: readonly string[]): Host[] => withRole(hosts(), names)

  if (!shipit.tasks['deploy:init']) {
    const own = { ...shipit.tasks }
    shipitDeploy(shipit)
    Object.assign(shipit.tasks, own)
  }
  const replacements = new Replacements(shipit)

  const dsl: Capistrano = {
    task,
    desc: (text, options) => catalog.announce({ text, ...options }),
    namespace: (name, define) => graph.namespaces.within(name, define),
    before: hook('before'),
    after: hook('after'),
    invoke: Object.assign((name: string) => runner.invoke(name), {
      again: (name: string) => runner.again(name),
    }),
    hosts,
    leftOut: () => connected().leftOut,
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
      return onHosts(targets, chosen, body, signal.current)
    },
    settings: (section) => settings.add(section),
    replace: (name, dependencies, fn) => {
      replacements.define(name, dependencies, fn)
      catalog.defined(name)
    },
    barrier: (name) => void graph.barriers.add(name),
    check: (check, isFinal) => checks.define(check, isFinal),
    print: createPrint((line) => shipit.log(line)),
    plansRevision: (find) => inspection.plansRevision(find),
    statusColumn: (title, tell) => void inspection.status.columns.set(title, tell),
    statusLine: (title, tell) => void inspection.status.lines.set(title, tell),
    offerLock: (offer) => {
      offerLock = offer
    },
    offeredLock: () => offerLock(),
    guard: (check) => void guards.push(check),
    whenFailed: (end) => void endings.push(end),
    fence: (provide) => {
      provideFence = provide
    },
    restoreRelease: (restore) => void (restoreRelease = restore),
    flow: () => run.flow,
    hooksOf: (name) => [...graph.sequence([name]).barriers],
    tasksUntil: (name) =>
      run.until(name).filter((each) => {
        const found = shipit.tasks[each]
        return found && !isGroup(found) && !replacements.has(each)
      }),
    isPartOfRun: (name) => run.includes(name),
    signal: () => signal.current,
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
    connections = new Connections(shipit, () => signal.current)
    const { hosts: kept, mistakes } = filterHosts(connections.hosts, process.env)
    if (mistakes.length > 0) throwForPeople(new ConfigError(shipit.environment, mistakes))
    connections.narrow(kept)
  })

  let stopListening: (() => void) | undefined
  shipit.on('start', () => {
    if (shipit.isRunning) return
    failure.reset()
    checks.reset()
    stopListening ??= failure.listen()
  })
  const stop = shipit.stop.bind(shipit)
  shipit.stop = (error, successful) => {
    stopListening?.()
    stopListening = undefined
    run.reset()
    connections?.close()
    stop(error, successful)
  }

  // Commands of the deploy machine end when the run fails, and fail with an error for people, as those on servers do.
  const local = shipit.local.bind(shipit)
  shipit.local = async (command, options) => {
    signal.current.throwIfAborted()
    return local(command, { signal: signal.current, ...options }).catch((error: unknown) => {
      throw isExecFailure(error) ? new CommandError(command, error) : error
    })
  }

  hideRepositoryPassword(shipit)

  orchestrate(shipit, { graph, failure, signal, run, assure })
  const inspection = defineInspection(shipit, dsl, { graph, catalog })
  defineFlow(shipit, dsl, { fence: () => provideFence(), restoreRelease: () => restoreRelease })
  return dsl
}
