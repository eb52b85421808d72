import runTask from 'orchestrator/lib/runTask.js'
import type { Shipit, Task } from './shipit.js'

/** Orchestrator's own methods around a task. */
interface TaskSteps {
  _stopTask(task: Task, meta: object): void
  _emitTaskDone(task: Task, message: string): void
}

/**
 * Runs one task now, which Orchestrator can't do outside its own list, and emits its events, so that Shipit's log and other
 * plugins see the task like any other.
 * @param around calls the task's function
 * @throws the task's own error
 */
export async function runTaskNow(
  shipit: Shipit,
  task: Task,
  around: (run: () => void) => void,
): Promise<void> {
  const steps = shipit as unknown as TaskSteps
  task.args = { task: task.name, message: `${task.name} started` }
  shipit.emit('task_start', task.args)
  task.running = true
  await new Promise<void>((resolve, reject) => {
    around(() =>
      runTask(task.fn.bind(shipit), (error, meta) => {
        task.failed = Boolean(error)
        steps._stopTask(task, meta)
        if (error) {
          reject(error)
          return
        }
        steps._emitTaskDone(task, meta.runMethod)
        resolve()
      }),
    )
  })
}
