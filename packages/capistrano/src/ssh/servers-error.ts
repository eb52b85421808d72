import { counted } from '../counted.js'
import { DeployError } from '../errors.js'
import { describeEnd } from '../shipit/command-error.js'

/** A server failed. `code` is `E_UNREACHABLE` if ssh could not connect, else `E_SERVER`. */
export class HostError extends DeployError {
  /** Name of the server. */
  readonly host: string
  /** Exit status of what ran there; null if a signal killed it. */
  readonly status: number | null
  /** Last lines of its output. */
  readonly output: string
  /** The message, without the server. */
  readonly problem: string

  constructor(details: {
    code: string
    host: string
    status: number | null
    output: string
    /** What was run, for messages. */
    doing?: string | undefined
    cause?: unknown
  }) {
    const { code, host, status, output, doing, cause } = details
    const isLost = code === 'E_UNREACHABLE'
    const what =
      doing && !isLost ? describeEnd(`"${doing}"`, status, output) : output || describeEnd('it', status)
    super(code, `${host}: ${what}`, { cause })
    this.host = host
    this.status = status
    this.output = output
    this.problem = what
  }
}

/** `E_SERVERS`: some servers failed, after all have ended. The message has a paragraph per problem, with its servers. */
export class ServersError extends DeployError {
  /** The servers that failed, in the order of the settings. */
  readonly failures: readonly HostError[]

  constructor(
    failures: readonly HostError[],
    /** Number of servers, including those that did not fail. */
    readonly total: number,
    note = '',
  ) {
    const list = describeFailures(failures).map((problem) => `  ${problem.replaceAll('\n', '\n    ')}`)
    super(
      'E_SERVERS',
      [`${failures.length} of ${counted(total, 'server')} failed:`, ...list, ...(note ? [note] : [])].join(
        '\n',
      ),
    )
    this.failures = failures
  }
}

/** A paragraph per problem, with its servers. */
export function describeFailures(failures: readonly HostError[]): string[] {
  const hosts = new Map<string, string[]>()
  for (const { host, problem } of failures) hosts.set(problem, [...(hosts.get(problem) ?? []), host])
  return [...hosts].map(([problem, names]) => `${names.join(', ')}: ${problem}`)
}
