import { spawn } from 'node:child_process'
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'
import { Readable, type Writable } from 'node:stream'
import { createInterface } from 'node:readline'
import { DeployError } from '../errors.js'
import type { ServerSettings, SshPoolConnection } from '../shipit/shipit.js'
import { commandScript, shownCommand, type Command, type CommandContext } from './command.js'
import { withAdvice } from './connection-advice.js'
import { escapePath, LOADER, quote, serverScript, type Script } from './script.js'
import { HostError } from './servers-error.js'
import type { SharedConnection } from './shared-connection.js'
import { Tail } from './tail.js'
import { sshArguments, type SshTarget } from './ssh-arguments.js'
import { ssh } from '../tracing/sections.js'
import { traced } from '../tracing/traced.js'

/** Bytes for a server's standard input. */
export type Input = AsyncIterable<Uint8Array> | Iterable<Uint8Array>

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
  /** Limits the number of ssh processes. */
  readonly limit: <T>(run: () => Promise<T>) => Promise<T>
  readonly log: (line: string) => void
  readonly signal: () => AbortSignal
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
    private readonly target: SshTarget,
    private readonly connection: SharedConnection | undefined,
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
    return this.inContext({ ...this.context, asUser: user }, this.command)
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

  private inContext(context: HostContext, command: CommandContext): Host {
    return new Host(this.name, this.settings, this.target, this.connection, this.pool, context, command)
  }

  private run(
    script: Script,
    { input = [], signal = this.context.signal() }: ScriptOptions,
    sinks: Sinks,
  ): Promise<void> {
    return this.context.limit(async () => {
      signal.throwIfAborted()
      await this.connection?.open()
      const { asUser } = this.context
      const command = asUser ? `sudo -n -u ${quote(asUser)} -- ${LOADER}` : LOADER
      // Not with execa, which would double the cost of each of so many processes; and readline also splits lines at a lone CR.
      const child = spawn('ssh', sshArguments(this.target, command), {
        stdio: 'pipe',
        signal,
      })
      const ended = new Promise<number | null>((resolve, reject) =>
        child.once('error', reject).once('close', resolve),
      )
      const { stdout, stderr, fact } = sinks
      const tail = new Tail()
      if (Array.isArray(stdout)) child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk))
      else {
        const take = tail.remember('stdout', stdout)
        createInterface({ input: child.stdout }).on('line', fact ? takeFacts(fact, take) : take)
      }
      createInterface({ input: child.stderr }).on('line', tail.remember('stderr', stderr))

      // A script may exit before it has read all of its input; its exit status is what counts.
      const sent = send(script, input, child.stdin)
      const doing = sinks.doing ?? script.name
      const status = await traced(
        ssh,
        `${this.name}: ${doing}`,
        () => ended,
        (code) => `status ${code}`,
      )
      const cause = await sent
      if (status === 0) return
      // 255 is ssh's own status, but a command may also exit with it.
      const code = status === 255 && !(await this.connection?.isOpen()) ? 'E_UNREACHABLE' : 'E_SERVER'
      const text = tail.text(fact !== undefined)
      const output = code === 'E_UNREACHABLE' ? withAdvice(text, this.target.server) : text
      throw new HostError({ code, host: this.name, status, output, cause, doing: sinks.doing })
    })
  }
}

/** Separates a script's facts from its other lines; drops a truncated fact. */
function takeFacts(fact: (name: string, value: string) => void, take: TakeLine): TakeLine {
  return (line) => {
    const [, name, value] = /^::([\w.-]*)(?: (.*))?$/.exec(line) ?? []
    if (name === undefined) take(line)
    else if (value !== undefined) fact(name, value)
  }
}

/** Sends a script and its commands' input. Resolves with the error, if any. */
async function send(script: Script, input: Input, stdin: Writable): Promise<unknown> {
  const content = (async function* () {
    yield Buffer.from(script.encode())
    yield* input
  })()
  return pipeline(Readable.from(content), stdin).catch((error: unknown) => error)
}

async function readLocal(path: string): Promise<Input> {
  const found = await stat(path).catch(() => undefined)
  if (found?.isFile()) return createReadStream(path)
  const problem = found ? 'is not a file: use shipit.copyToRemote for folders' : 'does not exist'
  throw new DeployError('E_UPLOAD', `Can't upload ${path}: it ${problem}.`)
}
