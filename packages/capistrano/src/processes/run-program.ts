import { addAbortListener } from 'node:events'
import type { Readable, Writable } from 'node:stream'
import type { Options } from 'execa'
import { otherPrograms, programSections } from '../tracing/sections.js'
import { traced } from '../tracing/traced.js'
import { endTree } from './end-tree.js'

/** A program and its arguments. */
export type ProgramCommand = readonly [program: string, ...args: string[]]

/** Where a program runs. */
export interface ProgramContext {
  /** @default this process's */
  readonly cwd?: string
  /** Added to this process's environment, unless `extendEnv` is false. @default {} */
  readonly env?: NodeJS.ProcessEnv
  /** @default true */
  readonly extendEnv?: boolean
}

/** Options of {@link runProgram}, as in execa. */
export interface ProgramOptions extends ProgramContext {
  /** Standard input. @default none */
  readonly input?: string
  /** Type of `stdout`, `stderr` and `all`: text without the final newline, or all bytes. @default 'utf8' */
  readonly encoding?: 'utf8' | 'buffer'
  /** Also keeps both outputs interleaved. @default false */
  readonly all?: boolean
  /** Maximum characters, or bytes, of each output; a program that prints more is killed. @default 100_000_000 */
  readonly maxBuffer?: number
  /** Terminates the program and its descendants when aborted. @default none */
  readonly signal?: AbortSignal | undefined
}

/** How a program ended. */
export interface ProgramOutcome<Output = string> {
  readonly stdout: Output
  readonly stderr: Output
  /** Only with the option `all`. */
  readonly all?: Output
  /** True unless the exit status is 0. {@link whyFailed} has the reason. */
  readonly failed: boolean
  /** Undefined if a signal killed it, or it did not start. */
  readonly exitCode?: number
  /** The signal that killed it. */
  readonly signal?: string
  /** The system's error code if it did not start: `ENOENT` if there is no such program. */
  readonly code?: string
  /** execa's message without the command line. */
  readonly originalMessage?: string
  readonly cause?: unknown
  /** Milliseconds. */
  readonly durationMs: number
}

/**
 * Runs a program on this machine. Its failure is an outcome, not an error.
 * @throws the signal's reason, once the program has ended
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
 * Pipes one program into another, in bounded memory.
 * @returns the first of the two that failed; undefined if neither did
 * @throws the signal's reason, once both have ended
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
  // If the second stops reading, as tar does after the archive's end, the rest is discarded. execa's own `pipe` would make the
  // first fail.
  to.stdin.on('close', () => from.stdout.resume())
  const outcomes = await Promise.all([ended(from, signal), ended(to, signal)])
  return outcomes.find(({ failed }) => failed)
}

/** Options of {@link readProgram}. */
export interface ReadProgramOptions extends ProgramContext {
  /** Standard input. */
  readonly stdin: AsyncIterable<Uint8Array>
  readonly signal?: AbortSignal | undefined
  /** Makes the error for a failure that neither the input nor the signal caused. */
  readonly failure: (outcome: ProgramOutcome) => Error
}

/**
 * Streams a program's output, in bounded memory. It inherits this process's error output. It is killed if the reader stops.
 * @throws the input's error; the signal's reason; or else what `failure` returns
 */
export async function* readProgram(
  command: ProgramCommand,
  { signal, stdin, failure, ...context }: ReadProgramOptions,
): AsyncGenerator<Uint8Array> {
  const start = await starter(signal)
  const running = start(command, { ...context, stdin, encoding: 'buffer', buffer: false, stderr: 'inherit' })
  const end = ended(running, signal)
  // Awaited below, unless the reader stops early.
  end.catch(() => {})
  try {
    yield* running.stdout
    const outcome = await end
    // If the program ran, the cause is the input's error.
    if (outcome.cause !== undefined && running.pid !== undefined) throw outcome.cause
    if (outcome.failed) throw failure(outcome)
  } finally {
    running.kill()
  }
}

/** Why a program failed: its error output, or else how it ended; never its command line. */
export function whyFailed(outcome: ProgramOutcome<string | Uint8Array>): string {
  const { stderr, exitCode, signal, originalMessage } = outcome
  const said = typeof stderr === 'string' ? stderr : Buffer.from(stderr ?? []).toString()
  return said.trim() || (originalMessage ?? `status ${exitCode ?? signal ?? 'unknown'}`)
}

/** A process that execa started. */
interface Running extends PromiseLike<ProgramOutcome> {
  readonly pid?: number
  readonly stdin: Writable
  readonly stdout: Readable
  readonly kill: () => boolean
}

/** Loads execa lazily: that takes a tenth of a second, and most Shipit commands do not need it. */
async function starter(
  signal: AbortSignal | undefined,
): Promise<(command: ProgramCommand, options: Options) => Running> {
  const { execa } = await import('execa')
  signal?.throwIfAborted()
  return ([program, ...args], options) => {
    // verbose: execa's own NODE_DEBUG output may contain secrets. cleanup: it would interfere with this process's signal
    // handling, and the run's signal ends running programs anyway.
    const running = execa(program, args, { ...options, reject: false, verbose: 'none', cleanup: false })
    const log = programSections.get(program) ?? otherPrograms
    void traced(
      log,
      [program, ...args].join(' '),
      () => running,
      (outcome) =>
        outcome.exitCode === undefined
          ? `failed with ${outcome.code ?? outcome.signal}`
          : `status ${outcome.exitCode}`,
    )
    return running as unknown as Running
  }
}

async function ended(running: Running, signal: AbortSignal | undefined): Promise<ProgramOutcome> {
  // execa's `cancelSignal` would kill only that process, not what git or npm has started.
  const listener = signal && addAbortListener(signal, () => void endTree(running))
  const outcome = await running
  listener?.[Symbol.dispose]()
  signal?.throwIfAborted()
  return outcome
}
