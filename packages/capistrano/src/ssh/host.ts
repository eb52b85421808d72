import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { DeployError } from '../errors.js'
import type { Timeline } from '../timeline/timeline.js'
import type { ServerSettings, SshPoolConnection } from '../shipit/shipit.js'
import { ssh } from '../tracing/sections.js'
import { traced } from '../tracing/traced.js'
import { commandScript, shownCommand, type Command, type CommandContext } from './command.js'
import type { Connection } from './connection.js'
import { withAdvice } from './connection-advice.js'
import { Lines } from './lines.js'
import { escapePath, serverScript, type Input, type Script } from './script.js'
import { HostError } from './servers-error.js'
import { SessionEnded, type Job } from './session.js'
import { Tail } from './tail.js'

/** Options of a command or script on a server. */
export interface ScriptOptions {
  /** Standard input. @default empty */
  readonly input?: Input
  /** Cancels it. @default the run's own signal */
  readonly signal?: AbortSignal
}

/** Options of {@link Host.upload}. */
export interface UploadOptions {
  /** Permissions of the file. @default 0o644 */
  readonly mode?: number
}

/** Options of {@link Host.copy}. */
export interface CopyOptions {
  /** What to leave out, as patterns for rsync's `--exclude`. @default [] */
  readonly ignores?: readonly string[]
  /** More arguments for rsync. @default [] */
  readonly rsync?: string | readonly string[]
}

/** What a script returned with `fact NAME VALUE`: values by name, in order. */
export type Facts = Readonly<Record<string, readonly string[]>>

/** How a {@link Host} runs commands; the same for all servers of an environment. */
export interface HostContext {
  readonly asUser: string | undefined
  /** Limits the number of servers that run something at the same time. */
  readonly limit: <T>(run: () => Promise<T>) => Promise<T>
  readonly log: (line: string) => void
  readonly signal: () => AbortSignal
  /** The timeline of the run that the calling code belongs to. */
  readonly timeline: () => Timeline
  /** Runs scripts instead of the host's connection. @default its connection */
  readonly send?: Send
}

/** Runs one script, and returns its exit status. */
export type Send = (job: Job, options: SendOptions) => Promise<number>

/** Options of {@link Send}. */
export interface SendOptions {
  readonly input?: Input | undefined
  readonly signal: AbortSignal
}

type TakeLine = (line: string) => void

/** Where output goes. */
interface Sinks {
  /** What is run, for messages. */
  readonly doing?: string
  readonly stdout?: TakeLine | Buffer[]
  readonly stderr?: TakeLine
  /** Gets the script's facts. @default facts are not parsed */
  readonly fact?: (name: string, value: string) => void
}

/** A server. `within`, `with` and `as` return the same server with another context. SSHKit's backend. */
export class Host {
  constructor(
    /** Its name in logs and messages. @default the host, with its port if that is not 22 */
    readonly name: string,
    /** Its settings, including the user's own properties. */
    readonly settings: ServerSettings,
    private readonly connection: Connection,
    private readonly pool: SshPoolConnection,
    private readonly context: HostContext,
    private readonly command: CommandContext = { environment: {} },
  ) {}

  /** The same server, for commands that run in a folder. Capistrano's `within`. */
  within(directory: string): Host {
    return this.inContext(this.context, { ...this.command, directory })
  }

  /** The same server, for commands with more environment variables. Their values are never logged. Capistrano's `with`. */
  with(environment: Readonly<Record<string, string>>): Host {
    const merged = { ...this.command.environment, ...environment }
    return this.inContext(this.context, { ...this.command, environment: merged })
  }

  /** The same server, for commands that run as another user, through `sudo -n`. Capistrano's `as`. */
  as(user: string): Host {
    const { send: _, ...context } = this.context
    return this.inContext({ ...context, asUser: user }, this.command)
  }

  /**
   * Runs a command. Its output goes to the log line by line. Capistrano's `execute`.
   * @throws {HostError} `E_UNREACHABLE`, or `E_SERVER` with the exit status and the last lines of output
   */
  async execute(command: Command, options: ScriptOptions = {}): Promise<void> {
    this.context.log(`Running "${shownCommand(command)}" on host "${this.name}".`)
    await this.run(commandScript(command, this.command), options, {
      doing: shownCommand(command),
      stdout: (line) => this.context.log(`@${this.name} ${line}`),
      stderr: (line) => this.context.log(`@${this.name}-err ${line}`),
    })
  }

  /**
   * Whether a command succeeds. Its output is not shown. Capistrano's `test`.
   * @throws {HostError} `E_UNREACHABLE`
   */
  async test(command: Command, options: ScriptOptions = {}): Promise<boolean> {
    try {
      await this.capture(command, options)
      return true
    } catch (error) {
      if (error instanceof HostError && error.code === 'E_SERVER' && error.status !== null) return false
      throw error
    }
  }

  /**
   * A command's output, without leading and trailing white space. Capistrano's `capture`.
   * @throws {HostError} as {@link Host.execute}
   */
  async capture(command: Command, options: ScriptOptions = {}): Promise<string> {
    const chunks: Buffer[] = []
    await this.run(commandScript(command, this.command), options, {
      doing: shownCommand(command),
      stdout: chunks,
    })
    return Buffer.concat(chunks).toString().trim()
  }

  /**
   * Writes a file atomically. A relative path starts in the folder of `within`, or the user's home. Capistrano's `upload!`.
   * @param source path of a local file, or content
   * @throws {DeployError} `E_UPLOAD` if the local path is not a file; {@link HostError} as {@link Host.execute}
   */
  async upload(source: string | Input, path: string, { mode = 0o644 }: UploadOptions = {}): Promise<void> {
    const input = typeof source === 'string' ? await readLocal(source) : source
    const script = serverScript('upload').with({
      directory: this.command.directory ?? '',
      file: path,
      mode: mode.toString(8),
    })
    await this.run(script, { input }, { doing: `upload ${path}` })
  }

  /**
   * Copies a local folder or file to the server with rsync, or with scp if there is no rsync: Shipit's `copyToRemote` for one
   * server. Ignores `within`, `with` and `as`.
   * @throws {HostError} `E_UNREACHABLE`, or `E_SERVER`
   */
  async copy(source: string, destination: string, options: CopyOptions = {}): Promise<void> {
    await this.pool.autoCopyToRemote(escapePath(source), destination, options)
  }

  /**
   * Runs a script with `sh`. Its output goes to the log line by line, except for facts, which are returned. Ignores `within`
   * and `with`.
   * @throws {HostError} as {@link Host.execute}
   */
  async script(script: Script, options: ScriptOptions = {}): Promise<Facts> {
    const facts: Record<string, string[]> = {}
    await this.run(script, options, {
      stdout: (line) => this.context.log(`@${this.name} ${line}`),
      fact: (name, value) => (facts[name] ??= []).push(value),
    })
    return facts
  }

  /**
   * The same server, with scripts sent by `send`.
   * @internal for `together`
   */
  sendingBy(send: Send): Host {
    return this.inContext({ ...this.context, send }, this.command)
  }

  /**
   * Runs scripts one after another, in one round trip, and returns their exit statuses.
   * @param chain whether one that fails is the last
   * @internal for `together`
   */
  roundTrip(
    jobs: readonly Job[],
    chain: boolean,
    { input, signal }: SendOptions,
  ): Promise<readonly number[]> {
    const { asUser: user, limit } = this.context
    const timeline = this.context.timeline()
    const queued = performance.now()
    return limit(async () => {
      signal.throwIfAborted()
      const begun = performance.now()
      timeline.took(this.name, 'queue', queued, begun)
      const onReady = (): void => {
        timeline.took(this.name, 'connect', begun, performance.now())
        timeline.asked(this.name)
      }
      return this.connection.run(jobs, { user, chain, input, signal, onReady })
    })
  }

  private inContext(context: HostContext, command: CommandContext): Host {
    return new Host(this.name, this.settings, this.connection, this.pool, context, command)
  }

  private async run(
    script: Script,
    { input, signal = this.context.signal() }: ScriptOptions,
    sinks: Sinks,
  ): Promise<void> {
    signal.throwIfAborted()
    const {
      send = async (each, options) => (await this.roundTrip([each], false, options))[0] ?? NaN,
      timeline,
    } = this.context
    const { stdout, stderr, fact } = sinks
    const tail = new Tail()
    const steps = timeline().stepsOf(this.name, script.name)
    const takeLine = tail.remember('stdout', Array.isArray(stdout) ? undefined : stdout)
    const out = new Lines(
      fact
        ? takeFacts((name, value) => (name === 'step' ? steps.next(value) : fact(name, value)), takeLine)
        : takeLine,
    )
    const err = new Lines(tail.remember('stderr', stderr))
    const job: Job = {
      script,
      isAny: !script.isOfFolder,
      stdout: (chunk) => {
        if (Array.isArray(stdout)) stdout.push(chunk)
        else out.write(chunk)
      },
      stderr: (chunk) => err.write(chunk),
      onEnd: (from, status) => steps.end(from, status === 0),
    }
    const doing = sinks.doing ?? script.name
    let status: number
    try {
      status = await traced(
        ssh,
        `${this.name}: ${doing}`,
        () => send(job, { input, signal }),
        (code) => `status ${code}`,
      )
    } catch (error) {
      if (!(error instanceof SessionEnded)) throw error
      if (signal.aborted) throw aborted(signal)
      for (const lines of [out, err]) lines.end()
      throw this.lost(doing, tail.text(true) || error.remarks, error)
    }
    for (const lines of [out, err]) lines.end()
    if (signal.aborted) throw aborted(signal)
    if (status === 0) return
    const output = tail.text(fact !== undefined)
    throw new HostError({ code: 'E_SERVER', host: this.name, status, output, doing: sinks.doing })
  }

  private lost(doing: string, said: string, cause: SessionEnded): HostError {
    const output = withAdvice(`lost the connection during "${doing}"${said ? `:\n${said}` : ''}`, {
      host: this.settings.host,
      port: this.settings.port,
    })
    return new HostError({ code: 'E_UNREACHABLE', host: this.name, status: null, output, cause })
  }
}

/** The error of what a signal has cancelled. */
function aborted({ reason }: AbortSignal): Error {
  const error = new Error('The operation was aborted', { cause: reason })
  return Object.assign(error, { name: 'AbortError', code: 'ABORT_ERR' })
}

/** Separates a script's facts from its other lines; drops a truncated fact. */
function takeFacts(fact: (name: string, value: string) => void, take: TakeLine): TakeLine {
  return (line) => {
    const [, name, value] = /^::([\w.-]*)(?: (.*))?$/.exec(line) ?? []
    if (name === undefined) take(line)
    else if (value !== undefined) fact(name, value)
  }
}

async function readLocal(path: string): Promise<Input> {
  const found = await stat(path).catch(() => undefined)
  if (found?.isFile()) return createReadStream(path)
  const problem = found ? 'is not a file: use shipit.copyToRemote for folders' : 'does not exist'
  throw new DeployError('E_UPLOAD', `Can't upload ${path}: it ${problem}.`)
}
