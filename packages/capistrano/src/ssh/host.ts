import { spawn } from 'node:child_process'
import { pipeline } from 'node:stream/promises'
import { Readable } from 'node:stream'
import { createInterface } from 'node:readline'
import type { ServerSettings } from '../shipit.js'
import { LOADER, quote, type Script } from './script.js'
import { HostError } from './servers-error.js'
import type { SharedConnection } from './shared-connection.js'
import { sshArguments, type SshTarget } from './ssh-arguments.js'

/** Options of {@link Host.script}. */
export interface ScriptOptions {
  /** Standard input for the script's commands. @default empty */
  readonly input?: AsyncIterable<Uint8Array> | Iterable<Uint8Array>
  /** Gives up, and ends the connection's command. @default the run's own signal */
  readonly signal?: AbortSignal
}

/** What a script told the deploy machine with `fact NAME VALUE`: values by name, in order. */
export type Facts = Readonly<Record<string, readonly string[]>>

/** How a {@link Host} runs things; the same for all servers of an environment. */
export interface HostContext {
  readonly asUser: string | undefined
  /** Bounds the number of ssh processes. */
  readonly limit: <T>(run: () => Promise<T>) => Promise<T>
  readonly log: (line: string) => void
  readonly signal: () => AbortSignal
}

const TAIL_LINES = 12

/** One server. */
export class Host {
  constructor(
    /** For people: the host, with its port if that is not 22. */
    readonly name: string,
    /** Its settings, with whatever properties the user gave it. */
    readonly settings: ServerSettings,
    private readonly target: SshTarget,
    private readonly connection: SharedConnection | undefined,
    private readonly context: HostContext,
  ) {}

  /**
   * Runs a script with `sh` on the server, as `asUser` if that is set. Its output goes to the log line by line, except
   * for facts, which are returned.
   * @throws {HostError} `E_UNREACHABLE`, or `E_SERVER` with the exit status and the last lines of output
   */
  script(script: Script, options: ScriptOptions = {}): Promise<Facts> {
    return this.context.limit(async () => {
      await this.connection?.open()
      return this.execute(script, options)
    })
  }

  private async execute(
    script: Script,
    { input = [], signal = this.context.signal() }: ScriptOptions,
  ): Promise<Facts> {
    const { asUser, log } = this.context
    const command = asUser ? `sudo -n -u ${quote(asUser)} -- ${LOADER}` : LOADER
    const child = spawn('ssh', sshArguments(this.target, command), { stdio: 'pipe', signal })
    const ended = new Promise<number | null>((resolve, reject) =>
      child.once('error', reject).once('close', resolve),
    )

    const facts: Record<string, string[]> = {}
    const tail: string[] = []
    const remember = (text: string): void => {
      tail.push(text)
      if (tail.length > TAIL_LINES) tail.shift()
    }
    createInterface({ input: child.stdout }).on('line', (text) => {
      const [, name, value] = /^::(\S+) (.*)$/.exec(text) ?? []
      if (name !== undefined && value !== undefined) {
        ;(facts[name] ??= []).push(value)
        return
      }
      remember(text)
      log(`@${this.name} ${text}`)
    })
    createInterface({ input: child.stderr }).on('line', remember)

    // A script may end before it has read all of its input; its exit status tells what that means.
    const sent = pipeline(Readable.from(line(script, input)), child.stdin).catch((error: unknown) => error)
    const status = await ended
    const sendingError = await sent
    if (status !== 0) {
      const code = status === 255 ? 'E_UNREACHABLE' : 'E_SERVER'
      throw new HostError({ code, host: this.name, status, output: tail.join('\n'), cause: sendingError })
    }
    return facts
  }
}

async function* line(
  script: Script,
  input: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  yield Buffer.from(script.encode())
  yield* input
}
