import { counted } from '../counted.js'
import { DeployError } from '../errors.js'
import { describeFailures, ServersError, type HostError } from '../ssh/servers-error.js'

/** `E_CHECK`: several problems found by checks, a paragraph each; servers with the same problem share one. */
export class CheckError extends DeployError {
  constructor(
    /** All servers' failures are in one `ServersError`, which comes last. */
    readonly errors: readonly Error[],
  ) {
    const problems = errors.flatMap((error) =>
      error instanceof ServersError ? describeFailures(error.failures) : [String(error)],
    )
    const list = problems.map((problem) => `  ${problem.replaceAll('\n', '\n    ')}`)
    super(
      'E_CHECK',
      [`The checks found ${counted(problems.length, 'problem')}; nothing was deployed:`, ...list].join('\n'),
    )
  }
}

/**
 * Waits for all checks, and throws their errors as one.
 * @throws the only error, or a {@link CheckError} `E_CHECK`
 */
export async function allChecks(checks: readonly Promise<unknown>[]): Promise<void> {
  const outcomes = await Promise.allSettled(checks)
  const errors = merged(outcomes.flatMap((each) => (each.status === 'rejected' ? [each.reason] : [])))
  if (errors.length > 1) throw new CheckError(errors)
  if (errors[0]) throw errors[0]
}

/** Each problem once; the servers' in one error, which comes last. */
export function merged(errors: readonly unknown[]): Error[] {
  const all = flat(errors)
  const servers = all.filter((error) => error instanceof ServersError)
  const others = [
    ...new Map(
      all.flatMap((error) => (error instanceof ServersError ? [] : [[String(error), error] as const])),
    ).values(),
  ]
  const failures = new Map(hostErrors(servers).map((failure) => [failure.message, failure]))
  const [first] = servers
  if (first && servers.length > 1)
    servers.splice(0, servers.length, new ServersError([...failures.values()], first.total))
  return [...others, ...servers]
}

/** Errors, each by itself. */
export function flat(errors: readonly unknown[]): Error[] {
  return errors.flatMap((error) => {
    if (error instanceof CheckError) return error.errors
    return error instanceof Error ? [error] : [new Error(String(error))]
  })
}

/** The failures of servers in errors. */
export function hostErrors(errors: readonly Error[]): HostError[] {
  return errors.flatMap((error) => (error instanceof ServersError ? error.failures : []))
}
