import type { SshPoolConnection } from '../shipit.js'
import { quote } from './script.js'

/** How ssh-pool's commands are to run. */
export interface PoolCommands {
  /** Socket of the shared connection, if there is one. */
  readonly controlPath: string | undefined
  /** Seconds. */
  readonly connectTimeout: number
  /** Aborted when the run fails. */
  readonly signal: () => AbortSignal
  /** Runs a command over the shared connection, when it may. */
  readonly run: (command: () => Promise<unknown>) => Promise<unknown>
}

/**
 * Has Shipit's own `remote` and copies use the shared connection and end when the run fails; and puts right what
 * ssh-pool 5.3 gets wrong: with `cwd` every command succeeds, the path of a key may hold no space, and rsync takes an
 * IPv6 address for a path.
 */
export function adapt(
  connection: SshPoolConnection,
  { controlPath, connectTimeout, signal, run }: PoolCommands,
): void {
  const { remote, options } = connection
  if (options.key && /[^\w./~-]/.test(options.key)) options.key = quote(options.key)
  remote.extraSshOptions = {
    ConnectTimeout: connectTimeout,
    ...remote.extraSshOptions,
    ...(controlPath ? { ControlPath: controlPath } : {}),
  }

  const runLocally = connection.runLocally.bind(connection)
  connection.runLocally = (command, more) => run(() => runLocally(command, { signal: signal(), ...more }))

  const buildSSHCommand = connection.buildSSHCommand.bind(connection)
  connection.buildSSHCommand = (command, more = {}) => {
    const { cwd, ...others } = more as { cwd?: string }
    // What comes behind the command in ssh-pool's own line would be its status.
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
}
