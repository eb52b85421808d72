import { mkdir, writeFile } from 'node:fs/promises'
import { userInfo } from 'node:os'
import { join, resolve } from 'node:path'
import { createKey, SshHost } from './ssh-host.js'

export interface FleetOptions {
  /** Folder for all of the fleet's files; each host has a subfolder with its name. */
  readonly directory: string
  /** Names of the hosts. */
  readonly names: readonly string[]
  /** The only tools on a host's PATH, by host. @default sshd's own PATH */
  readonly paths?: Readonly<Record<string, readonly string[]>>
  /** Hosts whose commands have to respect file permissions, even if the tests run as root. @default none */
  readonly unprivileged?: readonly string[]
  /** This machine's addresses for the hosts, one each. @default loopback addresses */
  readonly addresses?: readonly string[]
  /** See {@link SshHostOptions.mountedAt}. */
  readonly mountedAt?: string
}

/** A host as Shipit's `servers` setting takes it. */
export type FleetServer = {
  name: string
  host: string
  port: number
  user: string
  extraSshOptions: Record<string, string>
}

export interface Fleet {
  /** The user to log in as: the current user. */
  readonly user: string
  /** Path of the private key that all hosts accept. */
  readonly key: string
  /** Path of a known_hosts file with the keys of all hosts. */
  readonly knownHosts: string
  readonly hosts: readonly SshHost[]
  /** All hosts, in the order of `names`. */
  readonly servers: FleetServer[]
  /** @throws if there is no host of that name */
  host(name: string): SshHost
  stop(): Promise<void>
}

/**
 * Starts real ssh servers on this machine. Each has its own home folder, so a relative path (such as a `deployTo`) is a
 * different folder on each. Needs no root.
 */
export async function startFleet(options: FleetOptions): Promise<Fleet> {
  const { directory, names, paths = {}, unprivileged = [], addresses, mountedAt } = options
  const root = resolve(directory)
  await mkdir(root, { recursive: true })
  const key = join(root, 'client_key')
  const knownHosts = join(root, 'known_hosts')
  await createKey(key)

  const hosts = await Promise.all(
    names.map((name, index) =>
      SshHost.create({
        name,
        directory: join(root, name),
        authorizedKey: `${key}.pub`,
        tools: paths[name],
        unprivileged: unprivileged.includes(name),
        address: addresses?.[index],
        mountedAt,
      }),
    ),
  )
  await writeFile(knownHosts, hosts.map(({ knownHost }) => `${knownHost}\n`).join(''))

  const stop = async (): Promise<void> => {
    await Promise.all(hosts.map((host) => host.stop()))
  }
  const failed = (await Promise.allSettled(hosts.map((host) => host.start()))).find(
    (result) => result.status === 'rejected',
  )
  if (failed) {
    await stop()
    throw failed.reason
  }

  const { username: user } = userInfo()
  const extraSshOptions = { UserKnownHostsFile: knownHosts, IdentitiesOnly: 'yes', LogLevel: 'ERROR' }
  return {
    user,
    key,
    knownHosts,
    hosts,
    servers: hosts.map(({ name, host, port }) => ({ name, host, port, user, extraSshOptions })),
    host(name) {
      const found = hosts.find((host) => host.name === name)
      if (!found) throw new Error(`The fleet has no host ${name}, only ${names.join(', ')}.`)
      return found
    },
    stop,
  }
}
