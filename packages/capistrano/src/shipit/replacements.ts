import shipitDeploy from 'shipit-deploy'
import { alreadyRegistered } from '../plugin/registered.js'
import type { Shipit, Task, TaskFunction } from './shipit.js'

interface Definition {
  readonly dependencies: readonly string[]
  readonly fn: TaskFunction | undefined
  /** A plugin's definition replaces the flow's; only one plugin may do so. */
  readonly owner: 'flow' | 'plugin'
}

/**
 * Tasks that replace shipit-deploy's. They are defined immediately, and again when Shipit initialises, in case the shipitfile
 * loaded shipit-deploy later. The user's own definitions always stay.
 */
export class Replacements {
  private readonly definitions = new Map<string, Definition>()
  private readonly own = new WeakSet<Task>()
  private readonly originals = shipitDeployTasks()

  constructor(private readonly shipit: Shipit) {}

  /** @throws {DeployError} `E_PLUGIN` if another plugin has replaced the task */
  define(name: string, definition: Definition): void {
    if (this.definitions.get(name)?.owner === 'plugin') throw alreadyRegistered(`replace('${name}')`)
    this.definitions.set(name, definition)
    this.register(name, definition)
  }

  apply(): void {
    for (const [name, definition] of this.definitions) this.register(name, definition)
  }

  /** Whether a task is a replacement, and not the user's own. */
  has(name: string): boolean {
    const task = this.shipit.tasks[name]
    return task !== undefined && this.own.has(task)
  }

  private register(name: string, { dependencies, fn }: Definition): void {
    const task = this.shipit.tasks[name]
    if (task && !this.own.has(task) && !this.isOriginal(task)) return
    this.shipit.blTask(name, [...dependencies], fn)
    const defined = this.shipit.tasks[name]
    if (defined) this.own.add(defined)
  }

  private isOriginal({ name, dep, fn }: Task): boolean {
    return this.originals.get(name) === signature(dep, fn)
  }
}

/** shipit-deploy's own tasks, as it defines them. */
function shipitDeployTasks(): ReadonlyMap<string, string> {
  const found = new Map<string, string>()
  const recorder = {
    blTask: (name: string, dependencies: readonly string[] | TaskFunction = [], fn = noFunction): void => {
      const [before, body] = typeof dependencies === 'function' ? [[], dependencies] : [dependencies, fn]
      found.set(name, signature(before, body))
    },
  }
  shipitDeploy(recorder)
  return found
}

/** Orchestrator's default function. */
const noFunction: TaskFunction = function () {}

function signature(dependencies: readonly string[], fn: TaskFunction): string {
  const text = fn.toString().replaceAll(/\s/g, '')
  return `${dependencies.join()} ${text === noFunction.toString().replaceAll(/\s/g, '') ? '' : text}`
}
