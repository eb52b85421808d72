import runTask from 'orchestrator/lib/runTask.js'
import { DeployError } from '../errors.js'
import { flowOf, isPhase, isWholeFlow } from '../flow/flow-of.js'
import type { Graph } from '../graph/graph.js'
import { hasRun, Schedule } from '../graph/schedule.js'
import type { Shipit, Task } from '../shipit/shipit.js'
import type { Run } from './run.js'
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

  /** Runs a task with all that it stands for, but for what has run in this run. @throws the task's own error */
  async invoke(name: string): Promise<void> {
    const task = this.shipit.tasks[name]
    if (task && hasRun(task)) {
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

  /** All that `name` stands for, to be run one behind the other; without what has run, unless it is a flow of its own. */
  scheduleOf(name: string): Schedule {
    const sequence = this.graph.sequence([name])
    const schedule = new Schedule(() => this.shipit.tasks)
    if (this.isNextFlow(sequence.names)) schedule.start(sequence)
    else schedule.begin(sequence)
    return schedule
  }

  private async runAll(name: string): Promise<void> {
    const { run, flowFailed } = this.context
    const { isInFlow } = run
    const schedule = this.scheduleOf(name)
    const invocation = run.open(schedule)
    try {
      await run.inside(invocation, async () => {
        try {
          for (const task of schedule.oneByOne()) await this.run(task)
        } catch (error) {
          if (!isInFlow && flowOf(schedule.all) !== undefined) await flowFailed(error)
          throw error
        }
      })
    } finally {
      run.close(invocation)
    }
  }

  /** Whether tasks are a whole deploy or rollback behind another one, whose phases are no reason to leave out its own. */
  private isNextFlow(names: readonly string[]): boolean {
    const ran = (name: string): boolean => {
      const task = this.shipit.tasks[name]
      return task !== undefined && hasRun(task)
    }
    const whole = names.filter((name) => isWholeFlow(new Set([name])))
    return whole.some((name) => !ran(name)) && names.some((name) => isPhase(name) && ran(name))
  }

  /** @throws the task's own error; {@link DeployError} `E_RECURSION` if the task waits for itself. */
  async run(task: Task): Promise<void> {
    const { shipit } = this
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
      this.context.run.step(task.name, () =>
        runTask(task.fn.bind(shipit), (error, meta) => {
          task.failed = Boolean(error)
          steps._stopTask(task, meta)
          if (error) {
            this.context.blame(error, task.name)
            reject(error)
            return
          }
          steps._emitTaskDone(task, meta.runMethod)
          resolve()
        }),
      )
    })
  }
}
