import type { ChildProcess } from 'node:child_process'
import { DeployError } from '../errors.js'

/** What `exec` of `node:child_process` rejects with in shipit-cli and ssh-pool. */
export interface ExecFailure extends Error {
  /** Exit status; null if a signal ended the command; a word if it was not told to run to its end. */
  readonly code?: number | string | null
  readonly stdout: string | Buffer
  readonly stderr: string | Buffer
  readonly child: ChildProcess
  readonly cmd?: string
  readonly killed?: boolean
  readonly signal?: NodeJS.Signals | null
}

/** Most lines of a command's output that an error repeats. */
export const TAIL_LINES = 12

/** `E_COMMAND`: a command of the deploy machine failed. Has what shipit-cli's own error has, too. */
export class CommandError extends DeployError {
  /** Exit status; null if a signal ended it. */
  readonly status: number | null

  constructor(command: string, failure: ExecFailure) {
    const { status, output } = outcomeOf(failure)
    super('E_COMMAND', describeEnd(`"${command}"`, status, output), { cause: failure })
    this.status = status
    keepExecFailure(this, failure)
  }
}

/**
 * Gives an error what `exec`'s has, for those who catch it: `code`, the exit status, above all. What of ours is then its `name`.
 */
export function keepExecFailure(error: DeployError, failure: ExecFailure): void {
  const { stdout, stderr, child, code, cmd, killed, signal } = failure
  Object.assign(error, { stdout, stderr, child, code, cmd, killed, signal })
}

/** Whether an error says that a command failed, not that it was told to stop. */
export function isExecFailure(error: unknown): error is ExecFailure {
  return error instanceof Error && 'stderr' in error && 'child' in error && error.name !== 'AbortError'
}

/** How a command ended: its status, and its last lines. */
export function outcomeOf({ code, stdout, stderr, message }: ExecFailure): {
  readonly status: number | null
  readonly output: string
} {
  const lines = [...linesOf(stdout), ...linesOf(stderr)].slice(-TAIL_LINES)
  // Such as one that printed more than Shipit keeps.
  if (typeof code === 'string') lines.push(message)
  return { status: typeof code === 'number' ? code : null, output: lines.join('\n') }
}

/** What was run and how it ended, as people read it. */
export function describeEnd(what: string, status: number | null, output = ''): string {
  const ended = status === null ? 'was ended by a signal' : `ended with status ${status}`
  return `${what} ${ended}${output ? `:\n${output}` : ''}`
}

function linesOf(output: string | Buffer): string[] {
  const text = String(output).trimEnd()
  return text === '' ? [] : text.split('\n')
}
