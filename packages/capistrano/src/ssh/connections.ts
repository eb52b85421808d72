import { randomUUID } from 'node:crypto'
import { rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pLimit from 'p-limit'
import type { Shipit, SshPoolConnection } from '../shipit.js'
import { Host } from './host.js'
import { adapt } from './pool-connection.js'
import { SharedConnection } from './shared-connection.js'

/** Most characters of the sockets' folder: a socket's path may have 104 bytes, and ssh adds 17 while it makes one. */
const FOLDER_LENGTH = 60

/** The servers of one Shipit instance, and the connections to them. */
export class Connections {
  hosts: readonly Host[]
  private readonly shared: SharedConnection[] = []
  /** Of the connections' sockets; made, for this user alone, when the first one opens. */
  private readonly folder = join(socketBase(), `shipit-${randomUUID().slice(0, 13)}`)

  constructor(
    private readonly shipit: Shipit,
    signal: () => AbortSignal,
  ) {
    const { connectTimeout = 15, maxConnections = 100, sshMultiplexing = true, asUser } = shipit.config
    const limit = pLimit(maxConnections)
    const { connections } = shipit.pool
    const name = uniqueNames(connections)

    this.hosts = connections.map((connection, index) => {
      const controlPath = sshMultiplexing ? join(this.folder, String(index)) : undefined
      const { key, strict } = connection.options
      const target = { server: { ...connection.remote }, key, strict, connectTimeout, controlPath }
      const shared =
        controlPath === undefined ? undefined : new SharedConnection(name(index), { ...target, controlPath })
      if (shared) this.shared.push(shared)
      adapt(connection, {
        controlPath,
        connectTimeout,
        signal,
        run: (command) =>
          limit(async () => {
            await shared?.open()
            return command()
          }),
      })
      return new Host(name(index), target.server, target, shared, {
        asUser,
        limit,
        signal,
        log: (line) => shipit.log(line),
      })
    })
    // Whatever ends this process: no connection and no folder stays behind.
    process.once('exit', () => {
      this.close()
      rmSync(this.folder, { recursive: true, force: true })
    })
  }

  /** Leaves only some of the servers, for Shipit's own commands, too. */
  narrow(hosts: readonly Host[]): void {
    const { pool } = this.shipit
    pool.connections = pool.connections.filter((_, index) => hosts.includes(this.hosts[index] as Host))
    this.hosts = hosts
  }

  /** Ends all shared connections. They open again when they are needed. */
  close(): void {
    for (const connection of this.shared) connection.close()
  }
}

/** ssh-pool puts the path into a shell command as it is, and a socket's path is limited. */
function socketBase(): string {
  const folder = tmpdir()
  return folder.length <= FOLDER_LENGTH && /^[\w./-]+$/.test(folder) ? folder : '/tmp'
}

function uniqueNames(connections: readonly SshPoolConnection[]): (index: number) => string {
  const names = connections.map(({ remote: { name, host, port } }) =>
    typeof name === 'string' ? name : port && port !== 22 ? `${host}:${port}` : host,
  )
  return (index) => {
    const name = names[index] ?? ''
    return names.indexOf(name) === names.lastIndexOf(name)
      ? name
      : `${connections[index]?.remote.user}@${name}`
  }
}
