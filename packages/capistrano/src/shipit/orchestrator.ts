import runTask from 'orchestrator/lib/runTask.js'
import type { Graph } from '../graph/graph.js'
import { SequenceError } from '../graph/sequence.js'
import type { Shipit, Task, TaskFunction } from './shipit.js'
import type { Execution, Executions } from '../run/execution.js'

/** Orchestrator's methods that are replaced on the instance; its loop, events and log are still used. */
interface OrchestratorSteps {
  sequence(tasks: Record<string, Task>, names: string[], results: string[], nest: string[]): void
  allDone(): boolean
  _readyToRunTask(task: Task): boolean
  _runTask(task: Task): void
  _stopTask(task: Task, meta: { readonly duration: number }): void
}

/**
 * Orders tasks with their hooks, even those started during a run, which Orchestrator would run in parallel; checks before
 * each task whether it may start; and holds a failing task back until the failure tasks have run, because shipit-cli exits
 * inside its synchronous `task_err` listener.
 */
export function orchestrate(shipit: Shipit, graph: Graph, executions: Executions): void {
  const steps = shipit as unknown as OrchestratorSteps
  const runTaskOf = steps._runTask.bind(shipit)
  const stopTask = steps._stopTask.bind(shipit)
  const plan = () => executions.latest.tasks.plan

  steps.sequence = (_, names, results) => {
    if (!shipit.isRunning) {
      begin(names)
      results.push(...plan().names)
      return
    }
    // Orchestrator appends the names of the whole run to those started in it.
    const planned = shipit.seq
    startWithin(executions.current, names.slice(0, names.length - planned.length))
    results.push(...new Set([...plan().names, ...planned]))
  }

  const begin = (names: readonly string[]): void => {
    try {
      executions.begin(graph.sequence(names))
    } catch (error) {
      if (error instanceof SequenceError) shipit.log(error.message)
      throw error
    }
  }

  const startWithin = (execution: Execution, names: readonly string[]): void => {
    const { failure, tasks } = execution
    if (failure.refuses(names)) return
    try {
      tasks.schedule.start(graph.sequence(names.filter((name) => !shipit.tasks[name]?.running)))
    } catch (error) {
      if (!(error instanceof SequenceError)) throw error
      const start = `start('${names[0]}')`
      if (failure.failedToo(start, error)) return
      shipit.log(error.message)
      if (!tasks.flow) throw error
      // A task started in a running deploy can't be started: nothing else starts, and the failure tasks run.
      failure.blame(error, start)
      void failure.handle(error).then(() => {
        const { message, missingTask, recursiveTasks } = error
        if (missingTask) shipit.emit('task_not_found', { message, task: missingTask, err: error })
        if (recursiveTasks) shipit.emit('task_recursion', { message, recursiveTasks, err: error })
        shipit.stop(error)
      })
    }
  }

  steps.allDone = () => plan().isDone

  steps._readyToRunTask = (task) =>
    !executions.latest.failure.active &&
    plan().allows(task) &&
    !Object.values(shipit.tasks).some(({ running, blocking }) => running && blocking)

  steps._stopTask = (task, meta) => {
    stopTask(task, meta)
    executions.current.tookStep(task, meta.duration)
  }

  steps._runTask = (task) => {
    const { latest: execution } = executions
    const { failure, tasks, signal } = execution
    const fn = task.fn.bind(shipit)
    const guarded: TaskFunction = (done) => {
      const ended = failure.started(task.name)
      const end = (thrown: unknown): void => {
        ended()
        // The process is about to exit with the signal's status.
        if (failure.interrupted) return
        const error = thrown ?? failure.reasonWithin(task.name)
        if (!error) {
          done()
          return
        }
        failure.blame(error, task.name)
        // Held back until the failure tasks have run; one of them may be this task.
        task.failed = true
        task.running = false
        const handled = failure.active || tasks.flow ? failure.handle(error) : failure.end()
        void handled.then(() => {
          // Shipit's log and plugins get the task that failed, not the one that invoked it.
          task.args = { ...task.args, task: failure.taskOf(error) }
          done(error)
        })
      }
      void execution.admit(task).then(() => {
        // Another task may have failed in the meantime.
        if (failure.active) ended()
        else signal.start(() => tasks.start(task.name, () => runTask(fn, end)))
      }, end)
    }
    tasks.plan.started(task.name)
    task.failed = false
    // A proxy, because Shipit's log reads the task's own function.
    runTaskOf(new Proxy(task, { get: (target, key) => (key === 'fn' ? guarded : Reflect.get(target, key)) }))
  }
}
