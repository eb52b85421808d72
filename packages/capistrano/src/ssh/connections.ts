import pLimit from 'p-limit'
import type { Shipit, SshPoolConnection } from '../shipit/shipit.js'
import { Connection } from './connection.js'
import { ConnectionFiles } from './connection-files.js'
import { Host } from './host.js'
import { adapt } from '../shipit/pool-connection.js'
import type { Timeline } from '../timeline/timeline.js'

/** The servers of one Shipit instance, and the connections to them. */
export class Connections {
  hosts: readonly Host[]
  /** The servers that `HOSTS` and `ROLES` leave out. */
  leftOut: readonly Host[] = []
  private readonly connections: ReadonlyMap<Host, Connection>
  private readonly limit: <T>(run: () => Promise<T>) => Promise<T>
  private readonly files = new ConnectionFiles(() => this.close())

  constructor(
    private readonly shipit: Shipit,
    signal: () => AbortSignal,
    private readonly timeline: () => Timeline,
  ) {
    const { connectTimeout = 15, maxConnections = 100, sshMultiplexing = true, asUser } = shipit.config
    const limit = pLimit(maxConnections)
    this.limit = limit
    const name = uniqueNames(shipit.pool.connections)
    const hosts = shipit.pool.connections.map((pooled, index) => {
      const controlPath = sshMultiplexing ? this.files.socket(index) : undefined
      const { key, strict } = pooled.options
      const server = { ...pooled.remote }
      const target = { server, key, strict, connectTimeout, controlPath }
      const connection = new Connection(name(index), target, () => this.files.newLog(), asUser)
      adapt(pooled, {
        name: name(index),
        controlPath,
        connectTimeout,
        signal,
        run: (command) =>
          limit(async () => {
            signal().throwIfAborted()
            await connection.open()
            return command()
          }),
        isOpen: () => connection.isOpen(),
      })
      const log = (line: string): void => shipit.log(line)
      const context = { asUser, limit, signal, log, timeline }
      return { connection, host: new Host(name(index), server, connection, pooled, context) }
    })
    this.hosts = hosts.map(({ host }) => host)
    this.connections = new Map(hosts.map(({ host, connection }) => [host, connection]))
  }

  /** Begins to connect to servers, so that their first scripts need not wait. */
  warmUp(hosts: readonly Host[]): void {
    for (const host of hosts) {
      void this.limit(async () => {
        const from = performance.now()
        await this.connections.get(host)?.warmUp()
        this.timeline().took(host.name, 'connect', from, performance.now())
      })
    }
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
    for (const connection of this.connections.values()) connection.close()
    this.files.remove()
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
