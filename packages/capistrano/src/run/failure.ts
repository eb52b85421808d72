import { constants } from 'node:os'
import { setTimeout as pause } from 'node:timers/promises'
import { formatError } from './format-error.js'
import type { Extensions } from '../plugin/extensions.js'
import { withoutExitingListeners } from '../shipit/exiting-listeners.js'
import type { Shipit, Task } from '../shipit/shipit.js'
import type { Execution } from './execution.js'

/** Seconds that cancelled tasks have to stop. */
const STOP_SECONDS = 5

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** What {@link Failure} depends on. */
export interface FailureContext {
  readonly shipit: Shipit
  readonly extensions: Extensions
  /** The run that may fail. */
  readonly execution: Execution
  /** Closes the ssh connections. */
  readonly close: () => void
}

/**
 * Runs `deploy:failed` with its hooks when a deploy or rollback fails or is interrupted, before the process ends.
 * shipit-cli exits from inside its synchronous listener for `task_err`, so the failing task is held back until then.
 */
export class Failure {
  private handling: Promise<void> | undefined
  private handled = false
  private interruptedBy: NodeJS.Signals | undefined
  /** Tasks that invoked a failed flow. */
  private readonly invokers = new Set<string>()
  /** Which task an error comes from. */
  private readonly failedTasks = new WeakMap<object, string>()
  /** Why the run failed. */
  private reason: Error | undefined
  private readonly running = new Map<string, Promise<void>>()
  private readonly hookErrors: { readonly task: string; readonly error: unknown }[] = []

  constructor(private readonly context: FailureContext) {}

  /** True from the first error or signal on: no other task may start. */
  get active(): boolean {
    return this.handling !== undefined
  }

  /** True if a signal is ending the process, and determines its exit status. */
  get interrupted(): boolean {
    return this.interruptedBy !== undefined
  }

  /** Records which task an error comes from, unless already known. */
  blame(error: unknown, task: string): void {
    if (typeof error === 'object' && error !== null && !this.failedTasks.has(error))
      this.failedTasks.set(error, task)
  }

  /** The task that an error comes from. */
  taskOf(error: unknown): string | undefined {
    return typeof error === 'object' && error !== null ? this.failedTasks.get(error) : undefined
  }

  /** Runs the failure tasks of an invoked flow. The task that invoked it fails with it, even if it catches the error. */
  async flowFailed(error: unknown): Promise<void> {
    if (this.active) return
    const { task } = this.context.execution.tasks
    if (task !== undefined) {
      this.invokers.add(task)
      // It waits for the failure tasks, so they must not wait for it.
      this.running.delete(task)
    }
    await this.handle(error)
  }

  /** The error of the failed flow that a task has invoked; undefined if it has not. */
  reasonWithin(task: string): Error | undefined {
    return this.invokers.has(task) ? this.reason : undefined
  }

  /** Whether the calling code may no longer start tasks, which is logged. Failure tasks still may. */
  refuses(names: readonly string[]): boolean {
    const { shipit, execution } = this.context
    if (!this.active || !execution.signal.current.aborted) return false
    shipit.log(`Not started because the run has failed: ${names.join(', ')}.`)
    return true
  }

  /** Records the failure of a failure task; false if the run has not failed. */
  failedToo(task: string, error: unknown): boolean {
    if (this.active) this.hookErrors.push({ task, error })
    return this.active
  }

  /** Records that a task of the flow has started. The returned function records its end. */
  started(task: string): () => void {
    let end = (): void => {}
    this.running.set(task, new Promise((resolve) => (end = resolve)))
    return () => {
      this.running.delete(task)
      end()
    }
  }

  /** Runs the failure tasks, once. Resolves when they have ended. */
  handle(error: unknown): Promise<void> {
    const task = this.taskOf(error) ?? 'a task'
    if (this.handling) {
      if (!isCancellation(error, this.reason))
        this.context.shipit.log(`'${task}' failed too: ${formatError(error)}`)
      return this.handling
    }
    return (this.handling = this.runFailureTasks(`Failed in '${task}'.`, error))
  }

  /** Calls the `onAbort` callbacks. Never rejects. */
  async end(): Promise<void> {
    const { extensions, execution, shipit } = this.context
    for (const ending of extensions.onAbort) {
      await execution.signal.start(ending).catch((error: unknown) => shipit.log(formatError(error)))
    }
  }

  /** Listens for signals and for process exit, until the returned function is called. */
  listen(): () => void {
    const interrupt = (signal: NodeJS.Signals): void => {
      const status = 128 + constants.signals[signal]
      if (this.interruptedBy) process.exit(status)
      this.interruptedBy = signal
      const reason = `Interrupted by ${signal}; press Ctrl-C again to quit immediately.`
      this.handling ??= this.runFailureTasks(reason, new Error(reason))
      void this.handling.then(() => {
        this.conclude()
        process.exit(status)
      })
    }
    const exit = (): void => this.exited()
    const restoreListeners = withoutExitingListeners()
    for (const signal of SIGNALS) process.on(signal, interrupt)
    process.on('exit', exit)
    return () => {
      process.off('exit', exit)
      for (const signal of SIGNALS) process.off(signal, interrupt)
      restoreListeners()
    }
  }

  /** `process.exit` was called in the middle of the flow: only synchronous code can still run. */
  private exited(): void {
    const { shipit, execution } = this.context
    const { tasks, runner } = execution
    if (this.handled || !tasks.flow) return
    if (this.handling) {
      shipit.log("The process exited before 'deploy:failed' had finished.")
      return
    }
    // From now on, only failure tasks start.
    this.handling = Promise.resolve()
    const where = tasks.busy.map((name) => `'${name}'`).join(', ') || 'between two tasks'
    shipit.log(
      `\nThe process is exiting in the middle of the deploy, in ${where}. Running 'deploy:failed'...`,
    )
    const unfinished: string[] = []
    const schedule = runner.scheduleOf('deploy:failed')
    tasks.inside(tasks.open(schedule), () => {
      for (const task of schedule.oneByOne()) {
        if (task.running) continue
        let ended = task.fn.length === 0
        try {
          const result = task.fn.call(shipit, () => (ended = true))
          if (typeof result === 'object' && result !== null) ended = false
          task.done = true
        } catch (error) {
          this.hookErrors.push({ task: task.name, error })
        }
        if (!ended) unfinished.push(`'${task.name}'`)
      }
    })
    this.conclude()
    if (unfinished.length > 0) {
      shipit.log(
        `Not finished because the process did not wait: ${unfinished.join(', ')}. Throw an error instead of calling process.exit.`,
      )
    }
  }

  /** Reports errors of failure tasks, and keeps the timeline: after Shipit has logged the first error, before shipit-cli exits. */
  conclude(): void {
    this.context.execution.keepTimeline('failed')
    for (const { task, error } of this.hookErrors.splice(0)) {
      this.context.shipit.log(`'${task}', which runs after a failure, failed too: ${formatError(error)}`)
    }
  }

  /** Waits for running tasks, so that the failure tasks run alone. */
  private async settle(): Promise<void> {
    if (this.running.size === 0) return
    const timeout = new AbortController()
    const late = pause(STOP_SECONDS * 1000, true, { signal: timeout.signal }).catch(() => false)
    await Promise.race([Promise.all(this.running.values()), late])
    timeout.abort()
    const names = [...this.running.keys()].map((name) => `'${name}'`).join(', ')
    if (names)
      this.context.shipit.log(`Still running after ${STOP_SECONDS} seconds, no longer waiting for: ${names}.`)
  }

  private async runFailureTask(task: Task): Promise<void> {
    const { runner, signal } = this.context.execution
    if (task.running) return
    try {
      await signal.start(() => runner.run(task))
    } catch (hookError) {
      this.hookErrors.push({ task: this.taskOf(hookError) ?? task.name, error: hookError })
    }
  }

  private async runFailureTasks(reason: string, error: unknown): Promise<void> {
    const { shipit, execution, close } = this.context
    const { runner, tasks, signal } = execution
    const { flow } = tasks
    this.reason = error instanceof Error ? error : new Error(String(error))
    signal.abort(this.reason)
    shipit.log(`\n${reason}`)
    await this.settle()
    if (flow) {
      shipit.log("Running 'deploy:failed'...")
      const schedule = runner.scheduleOf('deploy:failed')
      const invocation = tasks.open(schedule)
      await tasks.inside(invocation, async () => {
        for (const task of schedule.oneByOne()) await this.runFailureTask(task)
      })
      tasks.close(invocation)
    }
    await this.end()
    this.handled = true
    close()
  }
}

/** Whether a task failed because it was cancelled. */
function isCancellation(error: unknown, reason: Error | undefined): boolean {
  return error === reason || (error instanceof Error && error.name === 'AbortError')
}
