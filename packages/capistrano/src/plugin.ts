import shipitDeploy from 'shipit-deploy'
import type { Capistrano, Flow } from './capistrano.js'
import { DeployError } from './errors.js'
import { defineFlow } from './flow/tasks.js'
import { Hooks, type When } from './graph/hooks.js'
import { hookMistakes } from './graph/hook-mistakes.js'
import { Failure } from './run/failure.js'
import { orchestrate } from './run/orchestrate.js'
import { TaskRunner } from './run/task-runner.js'
import { ConfigError } from './settings/mistakes.js'
import { Settings } from './settings/settings.js'
import { Replacements } from './shipit-deploy/replacements.js'
import type { Shipit, TaskFunction } from './shipit.js'
import { Connections } from './ssh/connections.js'
import { onHosts } from './ssh/on-hosts.js'
import { throwForPeople } from './run/throw-for-people.js'

/** One DSL a Shipit instance, also when this module is loaded twice (as CommonJS and as a module, say). */
const INSTANCE = Symbol.for('shipit-capistrano')

/**
 * Gives a Shipit instance Capistrano's DSL and deploy flow, and loads shipit-deploy if the shipitfile has not.
 * Calling it again returns the same DSL.
 *
 * When Shipit initialises, settings and hooks are checked; what is wrong is reported in one {@link ConfigError}.
 */
export default function capistrano(shipit: Shipit): Capistrano {
  const instance = shipit as Shipit & { [INSTANCE]?: Capistrano }
  return (instance[INSTANCE] ??= create(shipit))
}

function create(shipit: Shipit): Capistrano {
  const hooks = new Hooks()
  const settings = new Settings()
  const runner = new TaskRunner(shipit, hooks)
  let abort = new AbortController()
  let connections: Connections | undefined

  const failure = new Failure({
    shipit,
    runner,
    abort: (reason) => {
      const failed = abort
      abort = new AbortController()
      failed.abort(reason)
    },
    close: () => connections?.close(),
  })

  const flow = (): Flow | undefined => {
    if (!shipit.isRunning) return undefined
    if (shipit.seq.includes('deploy:reverting')) return 'rollback'
    return shipit.seq.includes('deploy:starting') ? 'deploy' : undefined
  }

  const hook =
    (when: When) =>
    (target: string, name: string, fn?: TaskFunction): void => {
      if (fn) shipit.blTask(name, [], fn)
      hooks.add(when, target, name)
    }

  if (!shipit.tasks['deploy:init']) shipitDeploy(shipit)
  const replacements = new Replacements(shipit)

  const dsl: Capistrano = {
    task: (name, dependencies, fn) => {
      const [before, body] =
        typeof dependencies === 'function' ? [[], dependencies] : [dependencies ?? [], fn]
      shipit.blTask(name, before, body)
    },
    before: hook('before'),
    after: hook('after'),
    invoke: async (name) => {
      const pending = runner.pending(name)
      if (shipit.tasks[name]?.done) shipit.log(`'${name}' has run already in this run.`)
      for (const task of pending) await runner.run(task)
    },
    hosts: () => {
      if (!connections)
        throw new DeployError('E_NOT_INITIALIZED', 'Servers are known once Shipit has initialised.')
      return connections.hosts
    },
    on: (targets, fn, options) => onHosts(targets, fn, options),
    settings: (section) => settings.add(section),
    replace: (name, dependencies, fn) => replacements.define(name, dependencies, fn),
    flow,
    signal: () => abort.signal,
  }

  shipit.on('init', () => {
    replacements.apply()
    const mistakes = [...settings.check(shipit), ...hookMistakes(shipit.tasks, hooks)]
    if (mistakes.length > 0) throwForPeople(new ConfigError(shipit.environment, mistakes))
  })
  shipit.on('init:after_ssh_pool', () => {
    connections = new Connections(shipit, () => abort.signal)
  })

  let stopListening: (() => void) | undefined
  shipit.on('start', () => {
    if (shipit.isRunning) return
    failure.reset()
    stopListening ??= shipit.seq.includes('deploy:starting') ? failure.listen() : undefined
  })
  for (const end of ['stop', 'err']) {
    shipit.on(end, () => {
      stopListening?.()
      stopListening = undefined
      connections?.close()
    })
  }

  // Commands of the deploy machine end when the run fails, as those on servers do.
  const local = shipit.local.bind(shipit)
  shipit.local = (command, options) => local(command, { signal: abort.signal, ...options })

  orchestrate(shipit, hooks, failure, () => flow() !== undefined)
  defineFlow(shipit, dsl)
  return dsl
}
