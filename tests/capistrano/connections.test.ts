import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, copyFile, mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import capistrano, { type EnvironmentConfig, type Host, type Shipit } from 'shipit-capistrano'
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest'
import { findProgram } from '../../testbed/find-program.js'
import { startFleet, type Fleet } from '../../testbed/fleet.js'
import { createShipit } from '../../testbed/shipit-instance.js'

let directory: string
let fleet: Fleet
const cleanUp: (() => void)[] = []
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'connections-'))
  fleet = await startFleet({ directory, names: ['web1', 'jump'] })
})
afterEach(() => {
  vi.unstubAllEnvs()
  for (const end of cleanUp.splice(0)) end()
})
afterAll(async () => {
  await fleet.stop()
  await rm(directory, { recursive: true, force: true })
})

/** The error from working on the servers in these settings, or undefined. */
async function failure(
  config: EnvironmentConfig,
  work: (host: Host, shipit: Shipit) => Promise<unknown> = (host) => host.execute('true'),
): Promise<unknown> {
  const { shipit, run } = createShipit(config)
  const { hosts, on } = capistrano(shipit)
  shipit.blTask('probe', () => on(hosts(), (host) => work(host, shipit)))
  return run('probe')
}

const web1 = (): (typeof fleet.servers)[number] => {
  const [server] = fleet.servers
  if (!server) throw new Error('the fleet has no server')
  return server
}

/** Forwards connections to web1 until `freeze` is called, and then drops all traffic. */
async function forwarder(host: string): Promise<{ port: number; freeze: () => void }> {
  const sockets: Socket[] = []
  let frozen = false
  const server = createServer((incoming) => {
    if (frozen) {
      sockets.push(incoming)
      return
    }
    const outgoing = connect(fleet.host('web1').port, fleet.host('web1').host)
    sockets.push(incoming, outgoing)
    for (const socket of [incoming, outgoing]) socket.on('error', () => {})
    incoming.pipe(outgoing).pipe(incoming)
  })
  const port = await listen(server, host)
  cleanUp.push(() => {
    for (const socket of sockets) socket.destroy()
  })
  const freeze = (): void => {
    frozen = true
    for (const socket of sockets) socket.unpipe().pause()
  }
  return { port, freeze }
}

async function listen(server: Server, host: string): Promise<number> {
  server.listen(0, host)
  await once(server, 'listening')
  cleanUp.push(() => void server.close())
  const address = server.address()
  return typeof address === 'object' ? (address?.port ?? 0) : 0
}

/** Puts an `ssh` into PATH that reads this configuration as if it were the user's. */
async function sshConfig(text: string): Promise<void> {
  const folder = await mkdtemp(join(directory, 'path-'))
  await writeFile(join(folder, 'config'), text)
  await writeFile(
    join(folder, 'ssh'),
    `#!/bin/sh\nexec ${await findProgram('ssh')} -F '${folder}/config' "$@"\n`,
  )
  await chmod(join(folder, 'ssh'), 0o755)
  vi.stubEnv('PATH', `${folder}:${process.env['PATH']}`)
}

it('reach IPv6 addresses, as strings and objects, for scripts, commands and copies', async () => {
  const { port } = await forwarder('::1')
  const { user, extraSshOptions } = web1()
  const options = { ...extraSshOptions, StrictHostKeyChecking: 'no', UserKnownHostsFile: '/dev/null' }
  const file = join(directory, 'over-ipv6')
  await writeFile(file, 'x')
  for (const server of [`${user}@[::1]:${port}`, { host: '::1', port, user }]) {
    const [target] = typeof server === 'string' ? [server] : [{ ...server, extraSshOptions: options }]
    await rm(join(fleet.host('web1').home, 'over-ipv6'), { force: true })
    // A string has no options, so they are in the user's configuration.
    await sshConfig(
      Object.entries(options)
        .map(([name, value]) => `${name} ${value}\n`)
        .join(''),
    )
    const error = await failure({ servers: [target], key: fleet.key }, async (host, shipit) => {
      await host.execute('true')
      await shipit.remote('true')
      await shipit.copyToRemote(file, '.')
    })
    expect(error).toBeUndefined()
    expect(await readdir(fleet.host('web1').home)).toContain('over-ipv6')
  }
})

it('accept a key path with a space, for scripts, commands and copies', async () => {
  const folder = join(directory, 'a folder')
  await mkdir(folder)
  const key = join(folder, 'id key')
  await copyFile(fleet.key, key)
  await chmod(key, 0o600)
  const file = join(directory, 'with-space')
  await writeFile(file, 'x')
  const error = await failure({ servers: [web1()], key }, async (host, shipit) => {
    await host.execute('true')
    await shipit.remote('true')
    await shipit.copyToRemote(file, '.')
  })
  expect(error).toBeUndefined()
})

it("honour the user's configuration: names, jump hosts, keys from an agent", async () => {
  const socket = join(directory, 'agent')
  const agent = spawn('ssh-agent', ['-D', '-a', socket], { stdio: ['ignore', 'pipe', 'ignore'] })
  cleanUp.push(() => void agent.kill())
  await once(agent.stdout, 'data')
  await promisify(execFile)('ssh-add', ['-q', fleet.key], { env: { ...process.env, SSH_AUTH_SOCK: socket } })
  vi.stubEnv('SSH_AUTH_SOCK', socket)
  const block = (name: string, host: string): string => {
    const { host: address, port } = fleet.host(host)
    return `Host ${name}\n  HostName ${address}\n  Port ${port}\n`
  }
  await sshConfig(
    `${block('behind', 'web1')}  ProxyJump the-jump\n${block('the-jump', 'jump')}` +
      `Host *\n  User ${fleet.user}\n  UserKnownHostsFile ${fleet.knownHosts}\n  IdentityAgent ${socket}\n`,
  )
  const before = await fleet.host('jump').connections()
  const error = await failure({ servers: [{ host: 'behind', user: fleet.user }] }, async (host, shipit) => {
    await host.execute('true')
    await shipit.remote('true')
  })
  expect(error).toBeUndefined()
  expect((await fleet.host('jump').connections()) - before).toBe(1)
})

it('time out on a server that accepts the connection but stays silent', async () => {
  const port = await listen(
    createServer((socket) => void socket.on('error', () => {})),
    '127.0.0.1',
  )
  const error = await failure({
    servers: [{ ...web1(), name: 'silent', host: '127.0.0.1', port }],
    connectTimeout: 1,
    key: fleet.key,
  })
  expect(error).toMatchObject({ code: 'E_SERVERS', failures: [{ code: 'E_UNREACHABLE', host: 'silent' }] })
})

it('notice a server that dies between commands', async () => {
  const { port, freeze } = await forwarder('127.0.0.1')
  const { extraSshOptions } = web1()
  const options = {
    ...extraSshOptions,
    StrictHostKeyChecking: 'no',
    ServerAliveInterval: 1,
    ServerAliveCountMax: 1,
  }
  const server = { ...web1(), name: 'dying', host: '127.0.0.1', port, extraSshOptions: options }
  const error = await failure({ servers: [server], key: fleet.key, connectTimeout: 1 }, async (host) => {
    await host.execute('true')
    freeze()
    await host.execute('true')
  })
  expect(error).toMatchObject({ code: 'E_SERVERS', failures: [{ code: 'E_UNREACHABLE', host: 'dying' }] })
})

it('refuse a server with another key than the known one', async () => {
  const { host, port, extraSshOptions } = web1()
  const known = join(directory, 'other_known_hosts')
  const other = fleet.host('jump').knownHost.split(' ').slice(1).join(' ')
  await writeFile(known, `[${host}]:${port} ${other}\n`)
  const server = { ...web1(), extraSshOptions: { ...extraSshOptions, UserKnownHostsFile: known } }
  const error = await failure({ servers: [server], key: fleet.key, strict: 'yes' })
  expect(error).toMatchObject({ code: 'E_SERVERS', failures: [{ code: 'E_UNREACHABLE' }] })
  expect(String(error)).toMatch(/host key|REMOTE HOST IDENTIFICATION/i)
})

it('leave no socket or folder behind, even after an error', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'own-tmp-'))
  vi.stubEnv('TMPDIR', folder)
  // Leftovers of killed deploys: one from today, one old.
  const [today, old] = [join(folder, 'shipit-00000000-0000'), join(folder, 'shipit-00000000-0001')]
  for (const path of [today, old]) await mkdir(path)
  await utimes(old, 1, 1)
  let during: string[] = []
  const error = await failure({ servers: [web1()], key: fleet.key }, async (host) => {
    await host.execute('true')
    during = await readdir(folder)
    await host.execute('false')
  })
  expect(error).toMatchObject({ code: 'E_SERVERS' })
  expect(during).toHaveLength(2)
  expect(await readdir(folder)).toEqual(['shipit-00000000-0000'])
  await rm(folder, { recursive: true })
})

it('are opened for each command without sharing', async () => {
  const before = await fleet.host('web1').connections()
  const error = await failure(
    { servers: [web1()], key: fleet.key, sshMultiplexing: false },
    async (host, shipit) => {
      await host.execute('true')
      await shipit.remote('true')
    },
  )
  expect(error).toBeUndefined()
  expect((await fleet.host('web1').connections()) - before).toBe(2)
})
