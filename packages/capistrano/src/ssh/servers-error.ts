import { DeployError } from '../errors.js'

/** One server failed. `code` is `E_UNREACHABLE` if ssh could not connect, else `E_SERVER`. */
export class HostError extends DeployError {
  /** Name of the server. */
  readonly host: string
  /** Exit status of what ran there; null if a signal ended it. */
  readonly status: number | null
  /** Last lines of its output. */
  readonly output: string

  constructor(details: {
    code: string
    host: string
    status: number | null
    output: string
    /** What was run, for people. */
    doing?: string
    cause?: unknown
  }) {
    const { code, host, status, output, doing, cause } = details
    const ended = status === null ? 'was ended by a signal' : `ended with status ${status}`
    const what = doing ? `"${doing}" ${ended}${output ? `:\n${output}` : ''}` : output || `it ${ended}`
    super(code, `${host}: ${what}`, { cause })
    this.host = details.host
    this.status = details.status
    this.output = details.output
  }
}

/** `E_SERVERS`: some servers failed; all were waited for. The message has a paragraph for each of them. */
export class ServersError extends DeployError {
  /** The servers that failed, in the order of the settings. */
  readonly failures: readonly HostError[]

  constructor(failures: readonly HostError[], total: number, note = '') {
    const list = failures.map((failure) => `  ${failure.message.replaceAll('\n', '\n    ')}`)
    super(
      'E_SERVERS',
      [`${failures.length} of ${total} servers failed:`, ...list, ...(note ? [note] : [])].join('\n'),
    )
    this.failures = failures
  }
}
