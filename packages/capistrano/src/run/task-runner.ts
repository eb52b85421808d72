import runTask from 'orchestrator/lib/runTask.js'
import { DeployError } from '../errors.js'
import type { Graph } from '../graph/graph.js'
import type { Shipit, Task } from '../shipit.js'
import { flowOf, type Run } from './run.js'
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
  constructor(
    private readonly shipit: Shipit,
    private readonly graph: Graph,
    private readonly context: {
      /** What has to hold before a task starts. */
      readonly assure: (task: Task) => Promise<void>
      readonly signal: RunSignal
      readonly run: Run
      /** Told which task an error comes from. */
      readonly blame: (error: unknown, task: string) => void
      /** Awaited when a flow has failed that a task of another run invoked. */
      readonly flowFailed: (error: unknown) => Promise<void>
    },
  ) {}

  /** The tasks that `name` stands for, in order, without those that have run in this run. @throws {SequenceError} */
  pending(name: string): Task[] {
    return this.tasks(this.graph.sequence([name]).names).filter((task) => !task.done)
  }

  /** The tasks that `name` stands for, in order, to run again. @throws {SequenceError} */
  anew(name: string): Task[] {
    const tasks = this.tasks(this.graph.sequence([name]).names).filter(({ running }) => !running)
    for (const task of tasks) task.done = false
    return tasks
  }

  private tasks(names: readonly string[]): Task[] {
    return names.flatMap((each) => this.shipit.tasks[each] ?? [])
  }

  /** Runs a task with all that it stands for, but for what has run in this run. @throws the task's own error */
  async invoke(name: string): Promise<void> {
    if (this.shipit.tasks[name]?.done) {
      this.shipit.log(
        `'${name}' has run already in this run, and is not run again; invoke.again('${name}') would.`,
      )
    }
    await this.runAll(name)
  }

  /** Runs a task also if it has run. @throws the task's own error */
  async again(name: string): Promise<void> {
    const task = this.shipit.tasks[name]
    if (task && !task.running) task.done = false
    await this.runAll(name)
  }

  /** Whether a task is still to come in this run, by itself or in what a running task invokes. */
  isToCome(name: string): boolean {
    const task = this.shipit.tasks[name]
    return task !== undefined && !task.done && !task.running && this.context.run.includes(name)
  }

  private async runAll(name: string): Promise<void> {
    const { run, flowFailed } = this.context
    const { names } = this.graph.sequence([name])
    const isFlowOfItsOwn = run.flow === undefined && flowOf(names) !== undefined
    await run.invoke(names, async () => {
      try {
        for (const task of this.tasks(names)) await this.run(task)
      } catch (error) {
        if (isFlowOfItsOwn) await flowFailed(error)
        throw error
      }
    })
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
    await this.context.assure(task).catch((error: unknown) => {
      this.context.blame(error, task.name)
      throw error
    })
    const steps = shipit as unknown as OrchestratorSteps
    task.args = { task: task.name, message: `${task.name} started` }
    shipit.emit('task_start', task.args)
    task.running = true
    await new Promise<void>((resolve, reject) => {
      runTask(task.fn.bind(shipit), (error, meta) => {
        steps._stopTask(task, meta)
        if (error) {
          this.context.blame(error, task.name)
          reject(error)
          return
        }
        steps._emitTaskDone(task, meta.runMethod)
        resolve()
      })
    })
  }
}
