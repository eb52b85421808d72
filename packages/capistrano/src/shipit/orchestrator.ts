import runTask from 'orchestrator/lib/runTask.js'
import type { Graph } from '../graph/graph.js'
import { SequenceError } from '../graph/sequence.js'
import type { Shipit, Task, TaskFunction } from './shipit.js'
import type { Failure } from '../run/failure.js'
import type { Run } from '../run/run.js'
import type { RunSignal } from '../run/run-signal.js'

/** The steps of Orchestrator that are replaced on the instance; its loop, events and log stay in use. */
interface OrchestratorSteps {
  sequence(tasks: Record<string, Task>, names: string[], results: string[], nest: string[]): void
  allDone(): boolean
  _readyToRunTask(task: Task): boolean
  _runTask(task: Task): void
  _stopTask(task: Task, meta: object): void
}

/** What {@link orchestrate} needs of its surroundings. */
export interface OrchestrateContext {
  readonly graph: Graph
  readonly failure: Failure
  readonly signal: RunSignal
  readonly run: Run
  /** Rejects if no task may start. */
  readonly assure: (task: Task) => Promise<void>
}

/**
 * Makes hooks part of the order of tasks, also when something is started in the middle of a run; asks before each task
 * whether it may start; and holds a failing task back until the failure tasks have run.
 */
export function orchestrate(shipit: Shipit, context: OrchestrateContext): void {
  const { graph, failure, signal, run, assure } = context
  const steps = shipit as unknown as OrchestratorSteps
  const runTaskOf = steps._runTask.bind(shipit)
  const stopTask = steps._stopTask.bind(shipit)
  const { plan: schedule } = run

  steps.sequence = (_, names, results) => {
    // Orchestrator puts the names of the whole run behind those that are started in it.
    const planned = shipit.isRunning ? shipit.seq : []
    const asked = names.slice(0, names.length - planned.length)
    results.push(...planned)
    if (shipit.isRunning && failure.refuses(asked)) return
    try {
      if (!shipit.isRunning) schedule.begin(graph.sequence(asked))
      else {
        const started = graph.sequence(asked.filter((name) => !shipit.tasks[name]?.running))
        run.schedule.start(started)
      }
    } catch (error) {
      if (!(error instanceof SequenceError)) throw error
      const start = `start('${asked[0]}')`
      if (failure.failedToo(start, error)) return
      shipit.log(error.message)
      if (!shipit.isRunning || !run.flow) throw error
      // Something in a running deploy starts what can't be started: nothing else starts, and the failure tasks run.
      failure.blame(error, start)
      void failure.handle(error).then(() => {
        const { message, missingTask, recursiveTasks } = error
        if (missingTask) shipit.emit('task_not_found', { message, task: missingTask, err: error })
        if (recursiveTasks) shipit.emit('task_recursion', { message, recursiveTasks, err: error })
        shipit.stop(error)
      })
      return
    }
    results.splice(0, results.length, ...new Set([...schedule.names, ...planned]))
  }

  steps.allDone = () => schedule.isDone

  steps._readyToRunTask = (task) =>
    !failure.active &&
    schedule.allows(task) &&
    !Object.values(shipit.tasks).some(({ running, blocking }) => running && blocking)

  steps._stopTask = (task, meta) => {
    stopTask(task, meta)
    schedule.ended(task)
  }

  steps._runTask = (task) => {
    const fn = task.fn.bind(shipit)
    const guarded: TaskFunction = (done) => {
      const ended = failure.started(task.name)
      const end = (thrown: unknown): void => {
        ended()
        // The process is about to end; the signal's exit status is the one that counts.
        if (failure.interrupted) return
        const error = thrown ?? failure.reasonWithin(task.name)
        if (!error) {
          done()
          return
        }
        failure.blame(error, task.name)
        // It is held back until the failure tasks have run, which may run it, too.
        task.failed = true
        task.running = false
        const handled = failure.active || run.flow ? failure.handle(error) : failure.end()
        void handled.then(() => {
          // Shipit's log, and plugins, are told of the task that failed, not of the one that had invoked it.
          task.args = { ...task.args, task: failure.taskOf(error) }
          done(error)
        })
      }
      void assure(task).then(() => {
        // What waited to start does not, once another task has failed.
        if (failure.active) ended()
        else signal.start(() => run.start(task.name, () => runTask(fn, end)))
      }, end)
    }
    schedule.started(task.name)
    task.failed = false
    // Shipit's log looks at a task's own function, so that one stays where it is.
    runTaskOf(new Proxy(task, { get: (target, key) => (key === 'fn' ? guarded : Reflect.get(target, key)) }))
  }
}
