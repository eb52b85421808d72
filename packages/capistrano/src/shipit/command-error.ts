import type { ChildProcess } from 'node:child_process'
import { DeployError } from '../errors.js'

/** The error of `exec` (`node:child_process`) in shipit-cli and ssh-pool. */
export interface ExecFailure extends Error {
  /** Exit status; null if a signal killed the command; Node's error code if it was aborted or printed too much. */
  readonly code?: number | string | null
  readonly stdout: string | Buffer
  readonly stderr: string | Buffer
  readonly child: ChildProcess
  readonly cmd?: string
  readonly killed?: boolean
  readonly signal?: NodeJS.Signals | null
}

/** Maximum number of lines of a command's output in an error. */
export const TAIL_LINES = 12

/** `E_COMMAND`: a command on the deploy machine failed. Also has the properties of shipit-cli's own error. */
export class CommandError extends DeployError {
  /** Exit status; null if a signal killed it. */
  readonly status: number | null

  constructor(command: string, failure: ExecFailure) {
    const { status, output } = outcomeOf(failure)
    super('E_COMMAND', describeEnd(`"${command}"`, status, output), { cause: failure })
    this.status = status
    keepExecFailure(this, failure)
  }
}

/**
 * Copies the properties of `exec`'s error, for callers that catch it: above all `code`, the exit status. Our own code is then
 * only in `name`.
 */
export function keepExecFailure(error: DeployError, failure: ExecFailure): void {
  const { stdout, stderr, child, code, cmd, killed, signal } = failure
  Object.assign(error, { stdout, stderr, child, code, cmd, killed, signal })
}

/** Whether an error is a failed command, not a cancelled one. */
export function isExecFailure(error: unknown): error is ExecFailure {
  return error instanceof Error && 'stderr' in error && 'child' in error && error.name !== 'AbortError'
}

/** A failed command's status and last lines. */
export function outcomeOf({ code, stdout, stderr, message }: ExecFailure): {
  readonly status: number | null
  readonly output: string
} {
  const lines = [...linesOf(stdout), ...linesOf(stderr)].slice(-TAIL_LINES)
  // For example, it printed more than Shipit's maxBuffer.
  if (typeof code === 'string') lines.push(message)
  return { status: typeof code === 'number' ? code : null, output: lines.join('\n') }
}

/** What was run and how it ended, for messages. */
export function describeEnd(what: string, status: number | null, output = ''): string {
  const ended = status === null ? 'was killed by a signal' : `exited with status ${status}`
  return `${what} ${ended}${output ? `:\n${output}` : ''}`
}

function linesOf(output: string | Buffer): string[] {
  const text = String(output).trimEnd()
  return text === '' ? [] : text.split('\n')
}
