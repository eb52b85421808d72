import runTask from 'orchestrator/lib/runTask.js'
import { DeployError } from '../errors.js'
import type { Graph } from '../graph/graph.js'
import type { Shipit, Task } from '../shipit.js'
import type { RunSignal } from './run-signal.js'

/** Orchestrator's own steps around a task. */
interface OrchestratorSteps {
  _stopTask(task: Task, meta: object): void
  _emitTaskDone(task: Task, message: string): void
}

/**
 * Runs tasks from inside a running task, one behind the other, with Orchestrator's events, so that Shipit's log and
 * other plugins see them as they see all tasks.
 */
export class TaskRunner {
  /** What running tasks invoke, in order. */
  private readonly invoked = new Set<readonly Task[]>()

  constructor(
    private readonly shipit: Shipit,
    private readonly graph: Graph,
    private readonly context: {
      /** What has to hold before a task starts. */
      readonly assure: (task: Task) => Promise<void>
      readonly signal: RunSignal
    },
  ) {}

  /** The tasks that `name` stands for, in order, without those that have run in this run. @throws {SequenceError} */
  pending(name: string): Task[] {
    const { names } = this.graph.sequence([name])
    return names.flatMap((each) => this.shipit.tasks[each] ?? []).filter((task) => !task.done)
  }

  /** Runs a task with all that it stands for, but for what has run in this run. @throws the task's own error */
  async invoke(name: string): Promise<void> {
    const pending = this.pending(name)
    if (this.shipit.tasks[name]?.done) {
      this.shipit.log(
        `'${name}' has run already in this run, and is not run again; invoke.again('${name}') would.`,
      )
    }
    await this.runAll(pending)
  }

  /** Runs a task also if it has run. @throws the task's own error */
  async again(name: string): Promise<void> {
    const task = this.shipit.tasks[name]
    if (task && !task.running) task.done = false
    await this.runAll(this.pending(name))
  }

  /** Whether a task is still to come in this run, by itself or in what a running task invokes. */
  isToCome(name: string): boolean {
    const { seq, tasks, isRunning } = this.shipit
    const task = tasks[name]
    if (!task || task.done || task.running) return false
    return (isRunning && seq.includes(name)) || [...this.invoked].some((all) => all.includes(task))
  }

  private async runAll(tasks: readonly Task[]): Promise<void> {
    this.invoked.add(tasks)
    try {
      for (const task of tasks) await this.run(task)
    } finally {
      this.invoked.delete(tasks)
    }
  }

  /** @throws the task's own error; {@link DeployError} `E_RECURSION` if the task waits for itself. */
  async run(task: Task): Promise<void> {
    const { shipit } = this
    if (task.done) return
    if (task.running) {
      throw new DeployError(
        'E_RECURSION',
        `Task '${task.name}' is running: started from inside itself, it would never end.`,
      )
    }
    // A task of a run that has failed may go on, but starts no other.
    this.context.signal.current.throwIfAborted()
    await this.context.assure(task)
    const steps = shipit as unknown as OrchestratorSteps
    task.args = { task: task.name, message: `${task.name} started` }
    shipit.emit('task_start', task.args)
    task.running = true
    await new Promise<void>((resolve, reject) => {
      runTask(task.fn.bind(shipit), (error, meta) => {
        steps._stopTask(task, meta)
        if (error) {
          reject(error)
          return
        }
        steps._emitTaskDone(task, meta.runMethod)
        resolve()
      })
    })
  }
}
