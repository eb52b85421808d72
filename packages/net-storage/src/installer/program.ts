import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { endOnAbort } from '../end-on-abort.js'
import { tmpdir } from 'node:os'
import { withoutCredentials } from 'shipit-capistrano'
import { InstallerError } from './installer-error.js'

/** Lines of a program's output that an error shows. */
const SHOWN_LINES = 20

/** A run of a package manager that ended. */
export interface ProgramOutcome {
  /** Null if a signal ended it. */
  readonly status: number | null
  /** Standard output alone. */
  readonly output: string
  /** All that it printed. */
  readonly printed: string
}

/** Options of {@link runProgram}. */
export interface ProgramOptions {
  readonly cwd?: string
  /** Added to the environment. */
  readonly environment?: Readonly<Record<string, string>>
  readonly signal?: AbortSignal
}

/** Runs a package manager. @throws {InstallerError} `E_INSTALLER` if it is not there */
export async function runProgram(
  command: readonly [string, ...string[]],
  { cwd, environment = {}, signal }: ProgramOptions = {},
): Promise<ProgramOutcome> {
  signal?.throwIfAborted()
  const [program, ...args] = command
  const child = spawn(program, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...environment },
    ...(cwd === undefined ? {} : { cwd }),
  })
  if (signal) endOnAbort(child, signal)
  let output = ''
  let printed = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text
    printed += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    printed += text
  })
  try {
    const [status] = (await once(child, 'close')) as [number | null]
    signal?.throwIfAborted()
    return { status, output, printed }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    throw new InstallerError(
      'E_INSTALLER',
      `The program '${program}' is not on this machine: install it, or set netStorage.installer (false installs nothing).`,
    )
  }
}

/**
 * Its version: the machine's own, or the one that an application in a folder asks for.
 * @throws {InstallerError} `E_INSTALLER`
 */
export async function versionOf(program: string, directory = tmpdir()): Promise<string> {
  const command = [program, '--version'] as const
  const outcome = await runProgram(command, { cwd: directory })
  if (outcome.status !== 0) throw failure(command, outcome)
  return outcome.output.trim()
}

/** An error for people of a run that failed. */
export function failure(command: readonly string[], { status, printed }: ProgramOutcome): InstallerError {
  return new InstallerError(
    'E_INSTALLER',
    `${shown(command)} ended with status ${status ?? 'none'}:\n${lastLines(printed)}`,
  )
}

/** An error for people of a lockfile that does not match. */
export function mismatch(
  command: readonly string[],
  outcome: ProgramOutcome,
  {
    lockfile,
    remedy,
    told,
  }: {
    readonly lockfile: string
    readonly remedy: string
    /** Finds what tells the difference in a line, as its first group, where the program buries it. @default all that it printed */
    readonly told?: RegExp
  },
): InstallerError {
  const lines = outcome.printed.split('\n').flatMap((line) => told?.exec(line)?.[1] ?? [])
  return new InstallerError(
    'E_LOCKFILE',
    `${lockfile} does not match what the application asks for: run \`${remedy}\`, and commit ${lockfile}. ${shown(command)} says:\n${lastLines(lines.length > 0 ? lines.join('\n') : outcome.printed)}`,
  )
}

function shown([program = '', task = '']: readonly string[]): string {
  return `\`${program} ${task}\``
}

function lastLines(text: string): string {
  return withoutCredentials(text)
    .trim()
    .split('\n')
    .slice(-SHOWN_LINES)
    .map((line) => `  ${line}`)
    .join('\n')
}
