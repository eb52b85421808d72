import { spawn, type ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { MarkedOutput } from './marked-output.js'
import { ssh } from '../tracing/sections.js'
import { LOADER, quote, SERVER_FOLDER, type Input, type Script } from './script.js'

/** Characters that are kept of what is said outside scripts. */
const MOST_REMARKS = 10_000

/** A terminal sends its interrupts to ssh as well, but what becomes of scripts is decided here. */
const IGNORING_INTERRUPTS = 'trap "" INT HUP; exec ssh "$@"'

/** A script, and where its output goes. */
export interface Job {
  readonly script: Script
  readonly stdout: (chunk: Buffer) => void
  readonly stderr: (chunk: Buffer) => void
  /**
   * Called when it has ended.
   * @param from when it began, as `performance.now()`
   */
  readonly onEnd?: (from: number, status: number) => void
  /** Whether it may leave processes behind that print something later, as the user's commands may. */
  readonly isAny: boolean
}

/** A session ended before its scripts had. */
export class SessionEnded extends Error {
  constructor(
    /** ssh's exit status; null if a signal killed it. */
    readonly status: number | null,
    /** What it printed last, outside scripts; or the system's error. */
    readonly remarks: string,
  ) {
    super(`the session ended with status ${status}`)
  }
}

/** How a session is opened. */
export interface SessionOptions {
  /** ssh's arguments for a command. */
  readonly ssh: (command: string) => readonly string[]
  /** The user to become there, through sudo. @default the login user */
  readonly user: string | undefined
  /** File for what ssh itself says, as it must not get in between what scripts print. */
  readonly log: string
  /** Whether it is for a single script, with input. */
  readonly takesInput: boolean
}

/** Scripts that are running, one after another. */
interface Round {
  readonly jobs: readonly Job[]
  /** Whether a script that fails is the last. */
  readonly chain: boolean
  readonly statuses: number[]
  /** When the current script began, as `performance.now()`. */
  since: number
  /** Number of scripts that have ended, by output. */
  readonly ended: Record<Output, number>
  readonly resolve: (statuses: readonly number[]) => void
  readonly reject: (error: SessionEnded) => void
}

type Output = 'stdout' | 'stderr'

/**
 * A shell on a server, in an ssh process, that runs scripts one after another: the client of `server/session.sh`. It does not
 * keep this process alive while it runs none.
 */
export class Session {
  /** Resolves when it has started. Rejects with {@link SessionEnded}. */
  readonly started: Promise<void>
  /** Resolves when its ssh process has ended. */
  readonly ended: Promise<void>
  private readonly child: ChildProcess & Pick<Required<ChildProcess>, Output>
  private readonly mark = `shipit-${randomBytes(16).toString('hex')}`
  private readonly state: Record<Output, 'starting' | 'open'> = { stdout: 'starting', stderr: 'starting' }
  private round: Round | undefined
  private remarks = ''
  private usable = false
  private shell: number | undefined
  private begin: (() => void) | undefined

  constructor(private readonly options: SessionOptions) {
    const shell = options.takesInput ? SINGLE : 'sh'
    const sudo = options.user === undefined ? '' : `sudo -n -u ${quote(options.user)} -- `
    // Not with execa: nothing awaits its end, it must not keep this process alive, and it is killed on exit.
    const args = ['-E', options.log, ...options.ssh(`exec ${sudo}${shell}`)]
    const child = spawn('sh', ['-c', IGNORING_INTERRUPTS, 'ssh', ...args], {
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    this.child = child
    // What could not be written shows in how the session ends.
    child.stdin.on('error', () => {})
    const outputs = (['stdout', 'stderr'] as const).map((name) => {
      const output = new MarkedOutput(
        this.mark,
        (chunk) => this.take(name, chunk),
        (answer) => this.answered(name, answer),
      )
      child[name].on('data', (chunk: Buffer) => output.write(chunk))
      return output
    })
    const ended = new Promise<SessionEnded>((resolve) => {
      child.once('error', (error) => resolve(new SessionEnded(null, error.message)))
      child.once('close', (status) => {
        for (const output of outputs) output.end()
        resolve(new SessionEnded(status, `${this.remarks}${this.said()}`.trim()))
      })
    })
    this.started = new Promise((resolve, reject) => {
      this.begin = resolve
      void ended.then(reject)
    })
    // Whoever runs a script gets the error.
    this.started.catch(() => {})
    this.ended = ended.then((error) => {
      this.usable = false
      this.round?.reject(error)
      this.round = undefined
    })
    child.stdin.write(options.takesInput ? `${this.mark}\n` : `mark=${this.mark}\n${sessionLoop()}`)
  }

  /** Whether it takes scripts now. */
  get isIdle(): boolean {
    return this.usable && this.round === undefined
  }

  /** Id of its shell's process on the server; scripts are below it. It must have started. */
  get pid(): number {
    if (this.shell === undefined) throw new Error('the session has not started')
    return this.shell
  }

  /**
   * Runs scripts one after another, all sent at once, and returns their exit statuses; of a chain, only those up to the first
   * that is not 0. Start it first, and run nothing else meanwhile.
   * @param input for a session that takes input: what the only script reads
   * @throws {SessionEnded}
   */
  run(jobs: readonly Job[], chain: boolean, input?: Input): Promise<readonly number[]> {
    this.keepAlive(true)
    return new Promise<readonly number[]>((resolve, reject) => {
      this.round = {
        jobs,
        chain,
        statuses: [],
        since: performance.now(),
        ended: { stdout: 0, stderr: 0 },
        resolve,
        reject,
      }
      const { stdin } = this.child
      if (input === undefined) {
        const calls = jobs.map(
          ({ script, isAny }) => `${isAny ? 'run_any' : 'run'} ${quote(script.program())}`,
        )
        stdin?.write(`${calls.join(chain ? ' && ' : '; ')}\n`)
      } else if (stdin) {
        const [line] = jobs.map(({ script }) => Buffer.from(script.encode()))
        const content = (async function* () {
          yield line
          yield* input
        })()
        // A script may exit before it has read all of its input: its exit status is what counts.
        pipeline(Readable.from(content), stdin).catch(() => {})
      }
    })
  }

  /** Lets this process end although the session is open, or not. */
  keepAlive(alive: boolean): void {
    const { child } = this
    for (const each of [child, child.stdin, child.stdout, child.stderr] as {
      ref?(): void
      unref?(): void
    }[]) {
      if (alive) each.ref?.()
      else each.unref?.()
    }
  }

  /** Ends it immediately. */
  close(): void {
    if (ssh.enabled) for (const line of this.said().split('\n')) if (line) ssh('%s', line)
    // On SIGTERM, ssh would remove its socket a little later, which may be the next connection's by then.
    this.child.kill('SIGKILL')
  }

  /** What ssh itself has said. */
  private said(): string {
    try {
      return readFileSync(this.options.log, 'utf8').slice(-MOST_REMARKS)
    } catch {
      return ''
    }
  }

  private take(name: Output, chunk: Buffer): void {
    const { round } = this
    const job = round?.jobs[round.ended[name]]
    if (job) job[name](chunk)
    else this.remarks = (this.remarks + chunk.toString()).slice(-MOST_REMARKS)
  }

  private answered(name: Output, answer: string): void {
    if (this.state[name] === 'starting') {
      this.state[name] = 'open'
      this.shell = Number(answer)
      if (this.state.stdout !== 'open' || this.state.stderr !== 'open') return
      this.usable = true
      this.remarks = ''
      this.keepAlive(false)
      this.begin?.()
      return
    }
    const { round } = this
    if (!round) return
    const [status = '', left] = answer.split(' ')
    // Both outputs have all answers.
    if (name === 'stdout') {
      round.jobs[round.ended.stdout]?.onEnd?.(round.since, Number(status))
      round.statuses.push(Number(status))
      round.since = performance.now()
      if (left) this.usable = false
    }
    round.ended[name] += 1
    if (isOver(round, 'stdout') && isOver(round, 'stderr')) {
      this.round = undefined
      this.keepAlive(false)
      round.resolve(round.statuses)
    }
  }
}

function isOver({ jobs, chain, statuses, ended }: Round, name: Output): boolean {
  const failed = chain ? statuses.findIndex((status) => status !== 0) : -1
  return ended[name] === (failed < 0 ? jobs.length : failed + 1)
}

/** Runs one script with the rest of standard input, and answers as `server/session.sh` does. */
const SINGLE = `sh -c 'answer() { printf "%s %s\\n" "$mark" "$1"; printf "%s %s\\n" "$mark" "$1" >&2; }; IFS= read -r mark; answer $$; ${LOADER.replaceAll(
  "'",
  `'\\''`,
)}; answer $?'`

let loop: string | undefined

/** The session's loop, read once. */
function sessionLoop(): string {
  return (loop ??= readFileSync(new URL('session.sh', SERVER_FOLDER), 'utf8'))
}
