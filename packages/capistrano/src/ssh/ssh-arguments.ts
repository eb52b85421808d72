import type { ServerSettings } from '../shipit/shipit.js'

/** How to reach a server with OpenSSH's client. */
export interface SshTarget {
  readonly server: ServerSettings
  readonly key?: string | undefined
  readonly strict?: string | undefined
  /** Seconds. */
  readonly connectTimeout: number
  /** Socket of the shared connection, if there is one. */
  readonly controlPath?: string | undefined
}

/** Arguments for `ssh`. The user's own options come first, as ssh uses the first value. */
export function sshArguments(target: SshTarget, command: string, ...flags: readonly string[]): string[] {
  const { server, key, strict, connectTimeout, controlPath } = target
  const option = (name: string, value: string | number): string[] => ['-o', `${name}=${value}`]
  return [
    '-T',
    ...flags,
    ...(server.port ? ['-p', String(server.port)] : []),
    ...(key ? ['-i', key] : []),
    ...Object.entries(server.extraSshOptions ?? {}).flatMap(([name, value]) => option(name, value)),
    ...(strict ? option('StrictHostKeyChecking', strict) : []),
    ...option('ConnectTimeout', connectTimeout),
    ...option('ServerAliveInterval', 15),
    ...option('ServerAliveCountMax', 3),
    ...(controlPath ? option('ControlPath', controlPath) : []),
    ...(server.user ? ['-l', server.user] : []),
    '--',
    server.host,
    command,
  ]
}
