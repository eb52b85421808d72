import { isExecFailure, keepExecFailure, outcomeOf, type ExecFailure } from './command-error.js'
import type { SshPoolConnection } from './shipit.js'
import { withAdvice } from '../ssh/connection-advice.js'
import { quote } from '../ssh/script.js'
import { HostError } from '../ssh/servers-error.js'
import { ssh } from '../tracing/sections.js'
import { traced } from '../tracing/traced.js'

/** How ssh-pool's commands run. */
export interface PoolCommands {
  /** The server's name in logs and messages. */
  readonly name: string
  /** Socket of the shared connection, if there is one. */
  readonly controlPath: string | undefined
  /** Seconds. */
  readonly connectTimeout: number
  /** Aborted when the run fails. */
  readonly signal: () => AbortSignal
  /** Runs a command over the shared connection, within the limit of processes. */
  readonly run: <T>(command: () => Promise<T>) => Promise<T>
  /** Whether the shared connection is open. */
  readonly isOpen: () => Promise<boolean>
}

/** ssh-pool's copy methods; their first two arguments are source and destination. */
const COPIES = ['copyToRemote', 'copyFromRemote', 'scpCopyToRemote', 'scpCopyFromRemote'] as const

/**
 * Makes Shipit's own `remote` and copies use the shared connection and stop when the run fails. Also fixes ssh-pool 5.3: with
 * `cwd` every command succeeds, a key's path can't contain a space, rsync takes an IPv6 address for a path, servers are called
 * by their hosts, and errors show ssh's command line instead of the user's.
 */
export function adapt(connection: SshPoolConnection, commands: PoolCommands): void {
  const { remote, options } = connection
  const { name, controlPath, connectTimeout, signal, run } = commands
  if (options.key && /[^\w./~-]/.test(options.key)) options.key = quote(options.key)
  remote.extraSshOptions = {
    ConnectTimeout: connectTimeout,
    ...remote.extraSshOptions,
    ...(controlPath ? { ControlPath: controlPath } : {}),
  }

  const log = connection.log.bind(connection)
  connection.log = (...words) => log(...words.map((word) => (word === remote.host ? name : word)))

  // It uses the server only for the prefix of output lines.
  const runLocally = connection.runLocally.bind({ options, remote: { host: name } })
  connection.runLocally = (command, more) => run(() => runLocally(command, { signal: signal(), ...more }))

  const buildSSHCommand = connection.buildSSHCommand.bind(connection)
  connection.buildSSHCommand = (command, more = {}) => {
    const { cwd, ...others } = more as { cwd?: string }
    // In ssh-pool's own line, what follows the command determines the status.
    return buildSSHCommand(cwd ? `cd ${cwd} > /dev/null && { ${command}\n}` : command, others)
  }

  if (remote.host.includes(':')) {
    const rsyncCopy = connection.rsyncCopy.bind(connection)
    const plain = `${remote.user}@${remote.host}:`
    const bracketed = `${remote.user}@[${remote.host}]:`
    const path = (each: string): string =>
      each.startsWith(plain) ? bracketed + each.slice(plain.length) : each
    connection.rsyncCopy = (source, destination, more) => rsyncCopy(path(source), path(destination), more)
  }

  const rethrow = (doing: string) => async (error: unknown) => {
    throw isExecFailure(error) ? await hostError(doing, error) : error
  }
  const hostError = async (doing: string, failure: ExecFailure): Promise<HostError> => {
    const { status, output } = outcomeOf(failure)
    // 255 is ssh's own status, but a command may also exit with it.
    const isLost = status === 255 && !(await commands.isOpen())
    const error = new HostError({
      code: isLost ? 'E_UNREACHABLE' : 'E_SERVER',
      host: name,
      status,
      output: isLost ? withAdvice(output, remote) : output,
      doing,
      cause: failure,
    })
    keepExecFailure(error, failure)
    // Nothing ran, so there is no status.
    return isLost ? Object.assign(error, { code: error.name }) : error
  }
  const runRemotely = connection.run.bind(connection)
  connection.run = (command, more) =>
    traced(ssh, `${name}: ${command}`, () => runRemotely(command, more).catch(rethrow(command)))
  for (const method of COPIES) {
    const copy = connection[method].bind(connection)
    connection[method] = (source, destination, more) => {
      const doing = `copy ${source} to ${destination}`
      return traced(ssh, `${name}: ${doing}`, () => copy(source, destination, more).catch(rethrow(doing)))
    }
  }
}
