import { AsyncLocalStorage } from 'node:async_hooks'
import type { Flow } from '../capistrano.js'
import type { Shipit } from '../shipit.js'

/** Tasks that only a rollback has. */
const ROLLBACK = ['rollback', 'deploy:reverting', 'rollback:init', 'deploy:finishing_rollback']

/** Tasks that make something live, or lead there. */
const DEPLOY = [
  'deploy',
  'deploy:starting',
  'deploy:updating',
  'deploy:update',
  'deploy:publishing',
  'deploy:publish',
]

/** What is going on: which tasks a run is made of, those that tasks invoke among them, and which flow that is. */
export class Run {
  /** Names of what running tasks have invoked, with all that it stands for; the innermost last. */
  private readonly invoked = new Set<readonly string[]>()
  private readonly started = new AsyncLocalStorage<string>()

  constructor(private readonly shipit: Shipit) {}

  /** The flow that is running, if one is; of a flow that was invoked in another one, that. */
  get flow(): Flow | undefined {
    const { isRunning, seq } = this.shipit
    const all = [...(isRunning ? [seq] : []), ...this.invoked]
    return all.map(flowOf).findLast((flow) => flow !== undefined)
  }

  /** Whether a task is part of the run. */
  includes(task: string): boolean {
    const { isRunning, seq } = this.shipit
    return (isRunning && seq.includes(task)) || [...this.invoked].some((names) => names.includes(task))
  }

  /** Runs what a task invokes. */
  async invoke(names: readonly string[], run: () => Promise<void>): Promise<void> {
    this.invoked.add(names)
    try {
      await run()
    } finally {
      this.invoked.delete(names)
    }
  }

  /** Starts a task. */
  start<T>(task: string, run: () => T): T {
    return this.started.run(task, run)
  }

  /** The task whose code asks, or which invoked that; undefined outside of tasks. */
  get task(): string | undefined {
    return this.started.getStore()
  }
}

/** The flow that tasks are part of, if they are. */
export function flowOf(names: readonly string[]): Flow | undefined {
  if (ROLLBACK.some((name) => names.includes(name))) return 'rollback'
  return DEPLOY.some((name) => names.includes(name)) ? 'deploy' : undefined
}
