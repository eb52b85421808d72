import { DeployError } from '../errors.js'
import { flowOf, isPhase, isWholeFlow } from '../flow/flow-of.js'
import type { Graph } from '../graph/graph.js'
import { hasRun, Schedule } from '../graph/schedule.js'
import { runTaskNow } from '../shipit/run-task.js'
import type { Shipit, Task } from '../shipit/shipit.js'
import type { Execution } from './execution.js'

/** Runs tasks from inside a running task, one after another. */
export class TaskRunner {
  constructor(
    private readonly shipit: Shipit,
    private readonly graph: Graph,
    private readonly execution: Execution,
  ) {}

  /** Runs a task with its dependencies and hooks, except for what has run in this run. @throws the task's own error */
  async invoke(name: string): Promise<void> {
    if (this.ran(name)) {
      this.shipit.log(
        `'${name}' has already run in this run, and is skipped; use invoke.again('${name}') to run it again.`,
      )
    }
    await this.runAll(name)
  }

  /** Runs a task even if it has already run. @throws the task's own error */
  async again(name: string): Promise<void> {
    const task = this.shipit.tasks[name]
    if (task && !task.running) task.done = false
    await this.runAll(name)
  }

  /** A task with its dependencies and hooks; without what has already run, unless it is a separate flow. */
  scheduleOf(name: string): Schedule {
    const sequence = this.graph.sequence([name])
    const schedule = new Schedule(() => this.shipit.tasks)
    if (this.isNextFlow(sequence.names)) schedule.start(sequence)
    else schedule.begin(sequence)
    return schedule
  }

  /** @throws the task's own error; {@link DeployError} `E_RECURSION` if the task waits for itself. */
  async run(task: Task): Promise<void> {
    const { execution, shipit } = this
    if (task.running) {
      throw new DeployError(
        'E_RECURSION',
        `Task '${task.name}' is already running: invoked from inside itself, it would never end.`,
      )
    }
    // A task of a failed run may continue, but not start others.
    execution.signal.current.throwIfAborted()
    try {
      await execution.admit(task)
      await runTaskNow(shipit, task, (run) => execution.tasks.step(task.name, run))
    } catch (error) {
      execution.failure.blame(error, task.name)
      throw error
    }
  }

  private async runAll(name: string): Promise<void> {
    const { tasks, failure } = this.execution
    const { isInFlow } = tasks
    const schedule = this.scheduleOf(name)
    const invocation = tasks.open(schedule)
    try {
      await tasks.inside(invocation, async () => {
        try {
          for (const task of schedule.oneByOne()) await this.run(task)
        } catch (error) {
          if (!isInFlow && flowOf(schedule.all) !== undefined) await failure.flowFailed(error)
          throw error
        }
      })
    } finally {
      tasks.close(invocation)
    }
  }

  private ran(name: string): boolean {
    const task = this.shipit.tasks[name]
    return task !== undefined && hasRun(task)
  }

  /** Whether tasks are a whole deploy or rollback after another one, so that phases that have already run must run again. */
  private isNextFlow(names: readonly string[]): boolean {
    const whole = names.filter((name) => isWholeFlow(new Set([name])))
    return whole.some((name) => !this.ran(name)) && names.some((name) => isPhase(name) && this.ran(name))
  }
}
