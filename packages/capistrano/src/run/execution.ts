import type { Sequence } from '../graph/sequence.js'
import type { Graph } from '../graph/graph.js'
import type { Extensions } from '../plugin/extensions.js'
import { isGroup } from '../shipit/group.js'
import { messageOf } from '../errors.js'
import { DEFAULT_BRANCH } from '../settings/default-branch.js'
import { TimelineStore } from '../timeline/store.js'
import { prepare } from '../shipit/prepare.js'
import type { Replacements } from '../shipit/replacements.js'
import type { Shipit, Task } from '../shipit/shipit.js'
import { taskWatchers } from '../shipit/task-events.js'
import type { Host } from '../ssh/host.js'
import { Checks } from './checks.js'
import { Failure } from './failure.js'
import { executionOfCaller, Invocations } from './invocations.js'
import { Run, type RunKind } from './run.js'
import { runRecord } from './run-record.js'
import { RunSignal } from './run-signal.js'
import { TaskRunner } from './task-runner.js'
import { mayJoin, Trips } from './trips.js'

/** Shared by all runs of a Shipit instance. */
export interface ExecutionContext {
  readonly shipit: Shipit
  readonly graph: Graph
  readonly extensions: Extensions
  readonly replacements: Replacements
  /** The servers that take releases. */
  readonly hosts: () => readonly Host[]
  /** Begins to connect to the servers. */
  readonly warmUp: () => void
  /** Closes the ssh connections. */
  readonly close: () => void
}

/** The execution of one run: its order, signal, checks and failure handling. */
export class Execution {
  readonly signal = new RunSignal()
  readonly tasks: Invocations
  readonly runner: TaskRunner
  /** Work on servers that is held back for others to come along. */
  readonly trips: Trips
  readonly checks: Checks
  readonly failure: Failure
  readonly run: Run
  private stopListening: (() => void) | undefined
  private ended = false
  private isKept = false

  constructor(private readonly context: ExecutionContext) {
    const { shipit, graph, extensions, hosts, close } = context
    this.tasks = new Invocations(shipit, this)
    this.runner = new TaskRunner(shipit, graph, this)
    this.failure = new Failure({ shipit, extensions, close, execution: this })
    const blame = (error: unknown, task: string): void => this.failure.blame(error, task)
    this.trips = new Trips({
      task: () => this.tasks.innerTask,
      runsLater: (task) => this.tasks.runsLater(task),
      isWatched: () => taskWatchers(shipit).length > 0,
      signal: () => this.signal.current,
      blame,
    })
    this.checks = new Checks({
      hosts,
      trips: this.trips,
      willReport: () => this.tasks.runsLater('deploy:check'),
      blame,
    })
    this.run = new Run({
      shipit,
      kind: () => this.kind,
      signal: () => this.signal.current,
      includes: (task) => this.tasks.includes(task),
    })
  }

  /** Shipit starts. */
  begin(sequence: Sequence): void {
    this.tasks.plan.begin(sequence)
    this.run.timeline.begin()
    this.run.begin()
    this.stopListening = this.failure.listen()
    if (this.tasks.plan.names.includes('deploy:check')) this.context.warmUp()
  }

  /** Shipit stops. */
  end(): void {
    this.keepTimeline('succeeded')
    this.ended = true
    this.stopListening?.()
  }

  /** Whether code started by this run still belongs to it: until it ends, or, once it has failed, forever. */
  get isCurrent(): boolean {
    return !this.ended || this.failure.active
  }

  /** Whether it belongs to a Shipit instance. */
  isOf(context: ExecutionContext): boolean {
    return this.context === context
  }

  /** Called before a task starts. @throws if it may not */
  async admit(task: Task): Promise<void> {
    const { shipit, extensions, replacements } = this.context
    if (this.failure.active) return
    if (!isGroup(task) && !mayJoin(task)) await this.trips.depart()
    this.checks.assure(task)
    if (replacements.has(task.name)) prepare(shipit)
    for (const check of extensions.beforeTask) await check()
  }

  /** Records that a task has ended. */
  tookStep(task: Task, seconds: number): void {
    this.tasks.plan.ended(task)
    const startedAt = new Date(Date.now() - seconds * 1000)
    this.run.steps.push({ task: task.name, startedAt, seconds, failed: task.failed === true })
  }

  /** Keeps the timeline of a deploy or rollback, once. */
  keepTimeline(result: 'succeeded' | 'failed'): void {
    const { shipit, extensions } = this.context
    const { run } = this
    const folder = extensions.timelineFolder.value?.()
    if (this.isKept || folder === undefined || run.kind === 'other') return
    this.isKept = true
    try {
      const { branch = DEFAULT_BRANCH } = shipit.config
      new TimelineStore(folder).save(runRecord(run, branch, result))
    } catch (error) {
      shipit.log(`Warning: could not keep the timeline: ${messageOf(error)}`)
    }
  }

  private get kind(): RunKind {
    const { flow = 'other' } = this.tasks
    const pulls =
      flow === 'deploy' && [...this.context.extensions.pullTasks].some((task) => this.tasks.includes(task))
    return pulls ? 'pull' : flow
  }
}

/** The runs of a Shipit instance, one after another. */
export class Executions {
  /** The current run, or the next one. */
  latest: Execution

  constructor(private readonly context: ExecutionContext) {
    this.latest = new Execution(context)
  }

  /** The run that the calling code belongs to; outside tasks, the latest. */
  get current(): Execution {
    const own = executionOfCaller()
    return own?.isCurrent && own.isOf(this.context) ? own : this.latest
  }

  /** Shipit starts. @throws {SequenceError} if the tasks can't be put in order */
  begin(sequence: Sequence): void {
    this.latest.begin(sequence)
  }

  /** Shipit stops: anything started from now on is another run. */
  end(): void {
    this.latest.end()
    this.latest = new Execution(this.context)
  }
}
