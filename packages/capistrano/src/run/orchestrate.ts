import runTask from 'orchestrator/lib/runTask.js'
import type { Graph } from '../graph/graph.js'
import { Schedule } from '../graph/schedule.js'
import { SequenceError, type Sequence } from '../graph/sequence.js'
import type { Shipit, Task, TaskFunction } from '../shipit.js'
import type { Failure } from './failure.js'
import type { RunSignal } from './run-signal.js'

/** The steps of Orchestrator that are replaced on the instance; its loop, events and log stay in use. */
interface OrchestratorSteps {
  sequence(tasks: Record<string, Task>, names: string[], results: string[], nest: string[]): void
  _readyToRunTask(task: Task): boolean
  _runTask(task: Task): void
}

/** What {@link orchestrate} needs of its surroundings. */
export interface OrchestrateContext {
  readonly graph: Graph
  readonly failure: Failure
  readonly signal: RunSignal
  /** Rejects if no task may start. */
  readonly assure: (task: Task) => Promise<void>
  /** Whether the run is a deploy or rollback. */
  readonly isFlow: () => boolean
}

/**
 * Makes hooks part of the order of tasks, asks before each whether it may start, and holds a failing task back until the
 * failure tasks have run.
 */
export function orchestrate(
  shipit: Shipit,
  { graph, failure, signal, assure, isFlow }: OrchestrateContext,
): void {
  const steps = shipit as unknown as OrchestratorSteps
  const ready = steps._readyToRunTask.bind(shipit)
  const run = steps._runTask.bind(shipit)
  let schedule: Schedule | undefined

  steps.sequence = (tasks, names, results) => {
    let ordered: Sequence
    try {
      ordered = graph.sequence(names)
    } catch (error) {
      if (!(error instanceof SequenceError)) throw error
      shipit.log(error.message)
      if (!isFlow()) throw error
      // Something in a running deploy starts what can't be started: nothing else starts, and the failure tasks run.
      results.push(...shipit.seq)
      void failure.handle(`start('${names[0]}')`, error).then(() => {
        const { message, missingTask, recursiveTasks } = error
        if (missingTask) shipit.emit('task_not_found', { message, task: missingTask, err: error })
        if (recursiveTasks) shipit.emit('task_recursion', { message, recursiveTasks, err: error })
        shipit.stop(error)
      })
      return
    }
    schedule = new Schedule(tasks, ordered)
    results.push(...ordered.names)
  }

  steps._readyToRunTask = (task) => !failure.active && (schedule?.allows(task.name) ?? true) && ready(task)

  steps._runTask = (task) => {
    const fn = task.fn.bind(shipit)
    const guarded: TaskFunction = (done) => {
      const handle = isFlow()
        ? (error: unknown): Promise<void> => failure.handle(task.name, error)
        : (): Promise<void> => failure.end()
      const ended = failure.started(task.name)
      const end = (error: unknown): void => {
        ended()
        // The process is about to end; the signal's exit status is the one that counts.
        if (failure.interrupted) return
        if (!error) {
          done()
          return
        }
        void handle(error).then(() => done(error))
      }
      void assure(task).then(() => {
        // What waited to start does not, once another task has failed.
        if (failure.active) ended()
        else signal.start(() => runTask(fn, end))
      }, end)
    }
    // Shipit's log looks at a task's own function, so that one stays where it is.
    run(new Proxy(task, { get: (target, key) => (key === 'fn' ? guarded : Reflect.get(target, key)) }))
  }
}
