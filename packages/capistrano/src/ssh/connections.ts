import pLimit from 'p-limit'
import type { Shipit, SshPoolConnection } from '../shipit/shipit.js'
import { ControlSockets } from './control-sockets.js'
import { Host } from './host.js'
import { adapt } from '../shipit/pool-connection.js'
import { SharedConnection } from './shared-connection.js'

/** The servers of one Shipit instance, and the connections to them. */
export class Connections {
  hosts: readonly Host[]
  /** The servers that `HOSTS` and `ROLES` leave out. */
  leftOut: readonly Host[] = []
  private readonly shared: SharedConnection[] = []
  private readonly sockets = new ControlSockets(() => this.close())

  constructor(
    private readonly shipit: Shipit,
    signal: () => AbortSignal,
  ) {
    const { connectTimeout = 15, maxConnections = 100, sshMultiplexing = true, asUser } = shipit.config
    const limit = pLimit(maxConnections)
    const { connections } = shipit.pool
    const name = uniqueNames(connections)

    this.hosts = connections.map((connection, index) => {
      const controlPath = sshMultiplexing ? this.sockets.path(index) : undefined
      const { key, strict } = connection.options
      const target = { server: { ...connection.remote }, key, strict, connectTimeout, controlPath }
      const shared =
        controlPath === undefined
          ? undefined
          : new SharedConnection(name(index), { ...target, controlPath }, () => this.sockets.make())
      if (shared) this.shared.push(shared)
      adapt(connection, {
        name: name(index),
        controlPath,
        connectTimeout,
        signal,
        run: (command) =>
          limit(async () => {
            signal().throwIfAborted()
            await shared?.open()
            return command()
          }),
        isOpen: async () => (await shared?.isOpen()) ?? false,
      })
      return new Host(name(index), target.server, target, shared, connection, {
        asUser,
        limit,
        signal,
        log: (line) => shipit.log(line),
      })
    })
  }

  /** Narrows the servers, also for Shipit's own commands. */
  narrow(hosts: readonly Host[]): void {
    const { pool } = this.shipit
    pool.connections = pool.connections.filter((_, index) => hosts.includes(this.hosts[index] as Host))
    this.leftOut = this.hosts.filter((host) => !hosts.includes(host))
    this.hosts = hosts
  }

  /** Closes all shared connections. They reopen on demand. */
  close(): void {
    for (const connection of this.shared) connection.close()
    this.sockets.remove()
  }
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
