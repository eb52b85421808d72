import { DeployError } from '../errors.js'
import { runProgram } from '../processes/run-program.js'
import { ssh } from '../tracing/sections.js'
import { traced } from '../tracing/traced.js'
import { withAdvice } from './connection-advice.js'
import { serverScript, type Input } from './script.js'
import { HostError } from './servers-error.js'
import { Session, SessionEnded, type Job } from './session.js'
import { sshArguments, type SshTarget } from './ssh-arguments.js'

/** Milliseconds for a cancelled script to end; then its session is closed. */
const CANCEL_WITHIN = 10_000

/** Options of {@link Connection.run}. */
export interface RunOptions {
  /** The user to run as, through sudo. @default the login user */
  readonly user?: string | undefined
  /** Whether a script that fails is the last. @default false */
  readonly chain?: boolean
  /** What the only script reads. @default nothing */
  readonly input?: Input | undefined
  /** Ends the scripts on the server. */
  readonly signal: AbortSignal
  /** Called when the scripts are about to be sent, after any wait for the connection. */
  readonly onReady?: () => void
}

/** A session, and the user that its scripts run as. */
interface Opened {
  readonly session: Session
  readonly user: string | undefined
}

/**
 * The connection to a server, and the sessions over it. The first session's ssh process is the one that shares the connection
 * (OpenSSH's ControlMaster). It usually is the only one: more are opened for scripts that run at the same time, for those with
 * input, and after a command that left something behind. Without sharing, each session is a connection.
 */
export class Connection {
  private readonly opened = new Set<Session>()
  private idle: Opened[] = []
  private opening: Promise<void> | undefined

  constructor(
    private readonly name: string,
    private readonly target: SshTarget,
    /** Returns the path of a new file for what an ssh process says. */
    private readonly newLog: () => string,
    /** The user that most scripts run as. */
    private readonly user: string | undefined,
  ) {}

  /** Asks ssh whether the connection is open. */
  async isOpen(): Promise<boolean> {
    const { controlPath, server } = this.target
    if (controlPath === undefined) return false
    const check = ['ssh', '-O', 'check', '-o', `ControlPath=${controlPath}`, '--', server.host] as const
    return !(await runProgram(check)).failed
  }

  /** Opens the connection. If that fails, whoever uses it next gets the error. */
  async warmUp(): Promise<void> {
    if (this.target.controlPath !== undefined) await this.share(this.user).catch(() => {})
  }

  /** Opens the shared connection, unless it is open. @throws {HostError} `E_UNREACHABLE` */
  async open(user = this.user): Promise<void> {
    if (this.target.controlPath === undefined) return
    try {
      await this.share(user)
    } catch (error) {
      this.opening = undefined
      throw error
    }
  }

  /**
   * Runs scripts one after another, in one round trip, and returns their exit statuses; of a chain, only those up to the first
   * that is not 0.
   * @throws {HostError} `E_UNREACHABLE` if it can't connect, `E_SERVER` if sudo refuses; {@link SessionEnded} if the connection
   * was lost meanwhile
   */
  async run(jobs: readonly Job[], options: RunOptions): Promise<readonly number[]> {
    const { user, chain = false, input, signal, onReady } = options
    await this.open(user)
    const session = input ? await this.start(user, true) : await this.take(user)
    try {
      signal.throwIfAborted()
      onReady?.()
      const running = session.run(jobs, chain, input)
      const cancel = (): void => void this.cancel({ session, user }, running)
      signal.addEventListener('abort', cancel, { once: true })
      try {
        return await running
      } finally {
        signal.removeEventListener('abort', cancel)
      }
    } finally {
      if (!input) this.idle.push({ session, user })
      this.idle = this.idle.filter((each) => each.session.isIdle)
    }
  }

  /** Closes everything immediately. The connection can be reopened. */
  close(): void {
    for (const session of this.opened) session.close()
    this.opened.clear()
    this.idle = []
    this.forget(this.opening)
  }

  private forget(opening: Promise<void> | undefined): void {
    if (opening === undefined || this.opening !== opening) return
    ssh('%s: connection: closed', this.name)
    this.opening = undefined
  }

  private async take(user: string | undefined): Promise<Session> {
    const index = this.idle.findIndex((each) => each.user === user && each.session.isIdle)
    const [found] = index < 0 ? [] : this.idle.splice(index, 1)
    return found?.session ?? this.start(user, false)
  }

  private share(user: string | undefined): Promise<void> {
    return (this.opening ??= traced(
      ssh,
      `${this.name}: connection`,
      async () => {
        const session = await this.start(user, false, '-M', '-o', 'ControlPersist=no')
        const { opening } = this
        void session.ended.then(() => this.forget(opening))
        this.idle.push({ session, user })
      },
      () => 'opened',
    ))
  }

  private async start(
    user: string | undefined,
    takesInput: boolean,
    ...flags: readonly string[]
  ): Promise<Session> {
    const session = new Session({
      ssh: (command) => sshArguments(this.target, command, ...flags),
      user,
      takesInput,
      log: this.newLog(),
    })
    this.opened.add(session)
    void session.ended.then(() => this.opened.delete(session))
    try {
      await session.started
      return session
    } catch (error) {
      throw error instanceof SessionEnded ? this.refused(error, user) : error
    }
  }

  /** Ends what a session runs, on the server. */
  private async cancel({ session, user }: Opened, running: Promise<unknown>): Promise<void> {
    const state = { isRunning: true }
    const timer = setTimeout(() => session.close(), CANCEL_WITHIN)
    const end = (): void => {
      state.isRunning = false
      clearTimeout(timer)
    }
    void running.then(end, end)
    const script = serverScript('end-below').with({ root: session.pid })
    const job = { script, isAny: false, stdout: () => {}, stderr: () => {} }
    try {
      // A script that had not begun yet may begin now.
      while (state.isRunning) await this.run([job], { user, signal: new AbortController().signal })
    } catch {
      session.close()
    }
  }

  private refused({ status, remarks }: SessionEnded, user: string | undefined): DeployError {
    const isSsh = user === undefined || status === 255 || status === null
    const what = isSsh ? 'cannot connect with ssh' : `cannot become ${user} with sudo`
    const said = `${what}: ${remarks || `ssh exited with status ${status}`}`
    return new HostError({
      code: isSsh ? 'E_UNREACHABLE' : 'E_SERVER',
      host: this.name,
      status,
      output: isSsh ? withAdvice(said, this.target.server) : said,
    })
  }
}
