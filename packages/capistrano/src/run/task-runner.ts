import runTask from 'orchestrator/lib/runTask.js'
import type { Hooks } from '../graph/hooks.js'
import { sequence } from '../graph/sequence.js'
import { DeployError } from '../errors.js'
import type { Shipit, Task } from '../shipit.js'

/** Orchestrator's own steps around a task. */
interface OrchestratorSteps {
  _stopTask(task: Task, meta: object): void
  _emitTaskDone(task: Task, message: string): void
}

/**
 * Runs tasks from inside a running task, one behind the other, with Orchestrator's events, so that Shipit's log and
 * other plugins see them as they see all tasks. What has run in this run is left out.
 */
export class TaskRunner {
  constructor(
    private readonly shipit: Shipit,
    private readonly hooks: Hooks,
  ) {}

  /** The tasks that `name` stands for, in order, without those that have run. */
  pending(name: string): Task[] {
    const { names } = sequence(this.shipit.tasks, [name], this.hooks)
    return names.flatMap((each) => this.shipit.tasks[each] ?? []).filter((task) => !task.done)
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
