import { tmpdir } from 'node:os'
import { runProgram, whyFailed, withoutCredentials } from 'shipit-capistrano'
import { InstallerError } from './installer-error.js'

/** Maximum lines of output in an error. */
const SHOWN_LINES = 20

/** A finished run of a package manager. */
export interface InstallerOutcome {
  /** Null if a signal ended it. */
  readonly status: number | null
  /** Standard output alone. */
  readonly output: string
  /** Standard output and error. */
  readonly printed: string
}

/** Options of {@link runInstaller}. */
export interface InstallerOptions {
  readonly cwd: string
  /** Added to the environment. */
  readonly environment?: Readonly<Record<string, string>>
  readonly signal?: AbortSignal
}

/** Runs a package manager. @throws {InstallerError} `E_INSTALLER` if it is not installed */
export async function runInstaller(
  command: readonly [string, ...string[]],
  { cwd, environment = {}, signal }: InstallerOptions,
): Promise<InstallerOutcome> {
  const outcome = await runProgram(command, { cwd, env: environment, all: true, signal })
  if (outcome.code === 'ENOENT')
    throw new InstallerError(
      'E_INSTALLER',
      `'${command[0]}' is not installed on this machine: install it, or set netStorage.installer (false installs nothing).`,
    )
  const { exitCode = null, stdout, all = '' } = outcome
  return { status: exitCode, output: stdout, printed: all || (outcome.failed ? whyFailed(outcome) : '') }
}

/**
 * The version of a package manager: the machine's, or the one that the application in `directory` selects.
 * @throws {InstallerError} `E_INSTALLER`
 */
export async function versionOf(program: string, directory = tmpdir()): Promise<string> {
  const command = [program, '--version'] as const
  const outcome = await runInstaller(command, { cwd: directory })
  if (outcome.status !== 0) throw failure(command, outcome)
  return outcome.output.trim()
}

/** The error for a failed run. */
export function failure(command: readonly string[], { status, printed }: InstallerOutcome): InstallerError {
  return new InstallerError(
    'E_INSTALLER',
    `${shown(command)} exited with status ${status ?? 'none'}:\n${lastLines(printed)}`,
  )
}

/** The error for a lockfile that does not match. */
export function mismatch(
  command: readonly string[],
  outcome: InstallerOutcome,
  {
    lockfile,
    remedy,
    detail,
  }: {
    readonly lockfile: string
    readonly remedy: string
    /** Its first group extracts the mismatch from a line of noisy output. @default the whole output */
    readonly detail?: RegExp
  },
): InstallerError {
  const lines = outcome.printed.split('\n').flatMap((line) => detail?.exec(line)?.[1] ?? [])
  return new InstallerError(
    'E_LOCKFILE',
    `${lockfile} does not match the application's dependencies: run \`${remedy}\`, and commit ${lockfile}. ${shown(command)} says:\n${lastLines(lines.length > 0 ? lines.join('\n') : outcome.printed)}`,
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
