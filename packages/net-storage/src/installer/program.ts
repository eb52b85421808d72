import { tmpdir } from 'node:os'
import { runProgram, whyFailed, withoutCredentials } from 'shipit-capistrano'
import { InstallerError } from './installer-error.js'

/** Lines of a program's output that an error shows. */
const SHOWN_LINES = 20

/** A run of a package manager that ended. */
export interface InstallerOutcome {
  /** Null if a signal ended it. */
  readonly status: number | null
  /** Standard output alone. */
  readonly output: string
  /** All that it printed. */
  readonly printed: string
}

/** Options of {@link runInstaller}. */
export interface InstallerOptions {
  readonly cwd: string
  /** Added to the environment. */
  readonly environment?: Readonly<Record<string, string>>
  readonly signal?: AbortSignal
}

/** Runs a package manager. @throws {InstallerError} `E_INSTALLER` if it is not there */
export async function runInstaller(
  command: readonly [string, ...string[]],
  { cwd, environment = {}, signal }: InstallerOptions,
): Promise<InstallerOutcome> {
  const outcome = await runProgram(command, { cwd, env: environment, all: true, signal })
  if (outcome.code === 'ENOENT')
    throw new InstallerError(
      'E_INSTALLER',
      `The program '${command[0]}' is not on this machine: install it, or set netStorage.installer (false installs nothing).`,
    )
  const { exitCode = null, stdout, all = '' } = outcome
  return { status: exitCode, output: stdout, printed: all || (outcome.failed ? whyFailed(outcome) : '') }
}

/**
 * Its version: the machine's own, or the one that an application in a folder asks for.
 * @throws {InstallerError} `E_INSTALLER`
 */
export async function versionOf(program: string, directory = tmpdir()): Promise<string> {
  const command = [program, '--version'] as const
  const outcome = await runInstaller(command, { cwd: directory })
  if (outcome.status !== 0) throw failure(command, outcome)
  return outcome.output.trim()
}

/** An error for people of a run that failed. */
export function failure(command: readonly string[], { status, printed }: InstallerOutcome): InstallerError {
  return new InstallerError(
    'E_INSTALLER',
    `${shown(command)} ended with status ${status ?? 'none'}:\n${lastLines(printed)}`,
  )
}

/** An error for people of a lockfile that does not match. */
export function mismatch(
  command: readonly string[],
  outcome: InstallerOutcome,
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
