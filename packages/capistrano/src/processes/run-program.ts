import { addAbortListener } from 'node:events'
import type { Readable, Writable } from 'node:stream'
import type { Options } from 'execa'
import { otherPrograms, programSections } from '../tracing/sections.js'
import { traced } from '../tracing/traced.js'
import { endTree } from './end-tree.js'

/** A program, and its arguments. */
export type ProgramCommand = readonly [program: string, ...args: string[]]

/** Where a program runs. */
export interface ProgramContext {
  /** @default this process's own */
  readonly cwd?: string
  /** Added to this process's own environment, unless `extendEnv` is false. @default {} */
  readonly env?: NodeJS.ProcessEnv
  /** @default true */
  readonly extendEnv?: boolean
}

/** Options of {@link runProgram}; what they mean to execa. */
export interface ProgramOptions extends ProgramContext {
  /** Standard input. @default none */
  readonly input?: string
  /** What `stdout`, `stderr` and `all` are: text, whose last line's end is left out, or all bytes. @default 'utf8' */
  readonly encoding?: 'utf8' | 'buffer'
  /** Keeps both outputs together, too, in the order in which they came. @default false */
  readonly all?: boolean
  /** Most characters, or bytes, of each output; a program that prints more is ended. @default 100_000_000 */
  readonly maxBuffer?: number
  /** Ends the program when it is aborted, with all that it has started. @default nothing ends it */
  readonly signal?: AbortSignal | undefined
}

/** How a program ended. */
export interface ProgramOutcome<Output = string> {
  readonly stdout: Output
  readonly stderr: Output
  /** Where that is asked for. */
  readonly all?: Output
  /** Anything but an exit status of 0. {@link whyFailed} tells more. */
  readonly failed: boolean
  /** Undefined if a signal ended it, or it did not start. */
  readonly exitCode?: number
  /** The one that ended it. */
  readonly signal?: string
  /** The system's word for why it did not start: `ENOENT` if there is no such program. */
  readonly code?: string
  /** What execa says without the command line. */
  readonly originalMessage?: string
  readonly cause?: unknown
  /** Milliseconds. */
  readonly durationMs: number
}

/**
 * Runs a program of this machine to its end, whatever that is.
 * @throws what the signal is aborted with, once the program has ended
 */
export async function runProgram(
  command: ProgramCommand,
  options: ProgramOptions & { readonly encoding: 'buffer' },
): Promise<ProgramOutcome<Uint8Array>>
export async function runProgram(command: ProgramCommand, options?: ProgramOptions): Promise<ProgramOutcome>
export async function runProgram(
  command: ProgramCommand,
  { signal, ...options }: ProgramOptions = {},
): Promise<ProgramOutcome<unknown>> {
  const start = await starter(signal)
  const isText = options.encoding !== 'buffer'
  const stdin = options.input === undefined ? 'ignore' : 'pipe'
  return ended(start(command, { ...options, stdin, stripFinalNewline: isText }), signal)
}

/**
 * Runs two programs, the second with the first's output as its input, in bounded memory.
 * @returns the first of the two that failed; undefined if neither did
 * @throws what the signal is aborted with, once both have ended
 */
export async function pipeProgram(
  [fromCommand, fromContext]: readonly [ProgramCommand, ProgramContext],
  [toCommand, toContext]: readonly [ProgramCommand, ProgramContext],
  signal: AbortSignal,
): Promise<ProgramOutcome | undefined> {
  const start = await starter(signal)
  const from = start(fromCommand, { ...fromContext, stdin: 'ignore', buffer: { stdout: false } })
  const to = start(toCommand, { ...toContext, stdout: 'ignore' })
  from.stdout.pipe(to.stdin)
  // One that reads no further, as tar behind the archive's end, is no reason for the other to fail, as it would with execa's
  // own `pipe`: it gets rid of the rest.
  to.stdin.on('close', () => from.stdout.resume())
  const outcomes = await Promise.all([ended(from, signal), ended(to, signal)])
  return outcomes.find(({ failed }) => failed)
}

/** Options of {@link readProgram}. */
export interface ReadProgramOptions extends ProgramContext {
  /** Standard input, piece by piece. */
  readonly stdin: AsyncIterable<Uint8Array>
  readonly signal?: AbortSignal | undefined
  /** The error for an end that is neither the input's fault nor the signal's. */
  readonly failure: (outcome: ProgramOutcome) => Error
}

/**
 * A program's output as it comes, in bounded memory. Its error output is this process's. Whoever stops reading ends it.
 * @throws what the input throws; what the signal is aborted with; what `failure` makes of another end
 */
export async function* readProgram(
  command: ProgramCommand,
  { signal, stdin, failure, ...context }: ReadProgramOptions,
): AsyncGenerator<Uint8Array> {
  const start = await starter(signal)
  const running = start(command, { ...context, stdin, encoding: 'buffer', buffer: false, stderr: 'inherit' })
  const end = ended(running, signal)
  // Met below, unless nobody reads on.
  end.catch(() => {})
  try {
    yield* running.stdout
    const outcome = await end
    // Of one that ran, it is what the input threw.
    if (outcome.cause !== undefined && running.pid !== undefined) throw outcome.cause
    if (outcome.failed) throw failure(outcome)
  } finally {
    running.kill()
  }
}

/** What a program that failed says, in its error output, or by the way it ended; never its command line. */
export function whyFailed(outcome: ProgramOutcome<string | Uint8Array>): string {
  const { stderr, exitCode, signal, originalMessage } = outcome
  const said = typeof stderr === 'string' ? stderr : Buffer.from(stderr ?? []).toString()
  return said.trim() || (originalMessage ?? `status ${exitCode ?? signal ?? 'unknown'}`)
}

/** As execa starts it. */
interface Running extends PromiseLike<ProgramOutcome> {
  readonly pid?: number
  readonly stdin: Writable
  readonly stdout: Readable
  readonly kill: () => boolean
}

/** execa takes a tenth of a second to load, which most of what Shipit does has no need of. */
async function starter(
  signal: AbortSignal | undefined,
): Promise<(command: ProgramCommand, options: Options) => Running> {
  const { execa } = await import('execa')
  signal?.throwIfAborted()
  return ([program, ...args], options) => {
    // What execa itself would tell with NODE_DEBUG may hold secrets; its cleaning up would have a say in how this process takes
    // signals, and the run's signal ends what is under way.
    const running = execa(program, args, { ...options, reject: false, verbose: 'none', cleanup: false })
    const log = programSections.get(program) ?? otherPrograms
    void traced(
      log,
      [program, ...args].join(' '),
      () => running,
      (outcome) =>
        outcome.exitCode === undefined
          ? `ended by ${outcome.code ?? outcome.signal}`
          : `status ${outcome.exitCode}`,
    )
    return running as unknown as Running
  }
}

async function ended(running: Running, signal: AbortSignal | undefined): Promise<ProgramOutcome> {
  // With its own `cancelSignal`, execa ends that one process, and what git or npm has started goes on.
  const listener = signal && addAbortListener(signal, () => void endTree(running))
  const outcome = await running
  listener?.[Symbol.dispose]()
  signal?.throwIfAborted()
  return outcome
}
