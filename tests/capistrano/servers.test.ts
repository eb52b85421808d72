import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import capistrano, {
  Script,
  type Capistrano,
  type EnvironmentConfig,
  type Host,
  type ServersError,
} from 'shipit-capistrano'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { startFleet, type Fleet, type FleetServer } from '../../testbed/fleet.js'
import { freeAddress } from '../../testbed/free-address.js'
import { createShipit } from '../../testbed/shipit-instance.js'

let directory: string
let fleet: Fleet
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'servers-'))
  fleet = await startFleet({ directory, names: ['web1', 'web2', 'db1'] })
})
afterAll(async () => {
  await fleet.stop()
  await rm(directory, { recursive: true, force: true })
})
afterEach(() => vi.unstubAllEnvs())

const ROLES: Record<string, object> = {
  web1: { roles: ['web', 'app'] },
  web2: { roles: 'web', primary: true },
  db1: { roles: ['db'], noRelease: true, rack: 'b' },
}

/** Runs a task on the fleet. Returns its result, or the error that it failed with. */
async function inTask<T>(
  body: (dsl: Capistrano) => Promise<T>,
  config: EnvironmentConfig = {},
): Promise<{ result: T | undefined; error: unknown; log: readonly string[] }> {
  const servers = fleet.servers.map((server) => ({ ...server, ...ROLES[server.name] }))
  const { shipit, log, run } = createShipit({ key: fleet.key, servers, ...config })
  const dsl = capistrano(shipit)
  let result: T | undefined
  dsl.task('probe', async () => {
    result = await body(dsl)
  })
  const error = await run('probe')
  return { result, error, log }
}

async function onWeb1<T>(
  body: (host: Host) => Promise<T>,
): Promise<{ result: T | undefined; error: unknown; log: readonly string[] }> {
  return inTask(async ({ primary }) => {
    const host = primary('app')
    if (!host) throw new Error('no server has the role app')
    return body(host)
  })
}

const ODD = [
  "it's",
  '$(touch pwned)',
  '`id`',
  '-rf',
  'two\nlines',
  'back\\slash',
  '"double"',
  'ünï ☃',
  '%s',
  '',
]

describe('a server', () => {
  it('runs commands, and shows their output as it arrives', async () => {
    const { error, log } = await onWeb1((host) => host.execute('echo out; echo err >&2; echo ::no fact'))
    expect(error).toBeUndefined()
    expect(log).toContain('Running "echo out; echo err >&2; echo ::no fact" on host "web1".')
    expect(log).toContain('@web1 out')
    expect(log).toContain('@web1-err err')
    expect(log).toContain('@web1 ::no fact')
  })

  it('passes words unchanged, whatever they contain', async () => {
    const { result } = await onWeb1((host) => host.capture(['printf', '[%s]', ...ODD]))
    expect(result).toBe(ODD.map((word) => `[${word}]`).join(''))
  })

  it('fails with the command, its status and its last lines', async () => {
    const { error } = await onWeb1((host) => host.execute('echo before; echo why >&2; exit 7'))
    expect(error).toMatchObject({ code: 'E_SERVER', host: 'web1', status: 7 })
    expect(String(error)).toMatch(/"echo before; .*" exited with status 7:\n(before\nwhy|why\nbefore)/)
  })

  it("does not mistake a command's status 255 for a lost connection", async () => {
    const { error } = await onWeb1((host) => host.execute('exit 255'))
    expect(error).toMatchObject({ code: 'E_SERVER', status: 255 })
  })

  it('runs commands like any shell: an error in the middle does not end them', async () => {
    const { result } = await onWeb1((host) => host.capture('false; echo "${unset}on"'))
    expect(result).toBe('on')
  })

  it('tests commands without printing their output', async () => {
    const { result, log } = await onWeb1(async (host) => [
      await host.test('echo shown; true'),
      await host.test(['test', '-e', 'no such file']),
    ])
    expect(result).toEqual([true, false])
    expect(log.join('\n')).not.toContain('shown')
  })

  it('runs commands in a folder and with an environment, whose values are not logged', async () => {
    const folder = "odd 'folder $(id)"
    const { result, error, log } = await onWeb1(async (host) => {
      await host.execute(['mkdir', '-p', folder])
      const there = host.within(folder).with({ TOKEN: 'canary $(id) \'"' }).with({ OTHER: 'x' })
      await there.execute('true')
      return there.capture('pwd; printf "%s %s" "$TOKEN" "$OTHER"')
    })
    expect(error).toBeUndefined()
    expect(result).toBe(`${join(fleet.host('web1').home, folder)}\ncanary $(id) '" x`)
    expect(log.join('\n')).not.toContain('canary')
    expect((await onWeb1((host) => host.within('missing').execute('touch pwned'))).error).toMatchObject({
      code: 'E_SERVER',
    })
    expect((await onWeb1((host) => host.with({ 'A B': 'x' }).execute('true'))).error).toMatchObject({
      code: 'E_ENVIRONMENT',
    })
  })

  it('runs commands as another user', async () => {
    const path = process.env['PATH'] ?? ''
    const other = await startFleet({
      directory: join(directory, 'as'),
      names: ['web'],
      paths: { web: ['cat', 'sh'] },
    })
    // A stand-in for sudo, as the tests' user may not become another: takes sudo's arguments, and sets FOR to the target user.
    const sudo = `[ "$1 $2 $4" = "-n -u --" ] || exit 64; FOR="$3" PATH='${path}'; export FOR PATH; shift 4; exec "$@"`
    await writeFile(join(other.host('web').home, '../bin/sudo'), `#!/bin/sh\n${sudo}\n`, { mode: 0o755 })
    const { shipit, run } = createShipit({ key: other.key, servers: other.servers })
    const { hosts, on } = capistrano(shipit)
    const seen: string[] = []
    shipit.blTask('probe', () =>
      on(hosts(), async (host) => {
        seen.push(await host.as("odd 'user").within('/usr').capture('echo "$FOR"; pwd'))
        seen.push(await host.capture('echo "${FOR:-the login}"'))
      }),
    )
    expect(await run('probe')).toBeUndefined()
    expect(seen).toEqual(["odd 'user\n/usr", 'the login'])
    await other.stop()
  })

  it('uploads files completely or not at all', async () => {
    const { home } = fleet.host('web1')
    const local = join(directory, 'local')
    const content = Buffer.from(Array.from({ length: 100_000 }, (_, index) => index % 256))
    await writeFile(local, content)
    const { error } = await onWeb1(async (host) => {
      await host.upload(local, "-odd 'file", { mode: 0o600 })
      await host.within('.').upload([Buffer.from('short')], 'other')
      await host.upload([Buffer.from('replaced')], join(home, 'other'))
    })
    expect(error).toBeUndefined()
    expect(await readFile(join(home, "-odd 'file"))).toEqual(content)
    expect((await stat(join(home, "-odd 'file"))).mode & 0o777).toBe(0o600)
    expect(await readFile(join(home, 'other'), 'utf8')).toBe('replaced')
    expect((await onWeb1((host) => host.upload(directory, 'x'))).error).toMatchObject({ code: 'E_UPLOAD' })
    expect((await onWeb1((host) => host.upload([], 'missing/x'))).error).toMatchObject({ status: 13 })
    expect((await onWeb1((host) => host.upload([], '/tmp'))).error).toMatchObject({ status: 31 })
  })

  it('passes input to commands', async () => {
    const { result } = await onWeb1((host) => host.capture('cat', { input: [Buffer.from('in\nput')] }))
    expect(result).toBe('in\nput')
  })
})

describe('on', () => {
  it('returns results in the order of the servers', async () => {
    const { result } = await inTask(({ on, hosts }) =>
      on(hosts(), (host) => host.capture('basename "$(dirname "$HOME")"')),
    )
    expect(result).toEqual(['web1', 'web2', 'db1'])
  })

  it('waits for all, and names each server that failed', async () => {
    const { error } = await inTask(({ on, hosts }) =>
      on(hosts(), async (host) => {
        if (host.name !== 'web2') await host.execute(`echo ${host.name} >&2; exit 3`)
        await host.execute('touch done')
      }),
    )
    expect(error).toMatchObject({
      code: 'E_SERVERS',
      failures: [
        { host: 'web1', status: 3 },
        { host: 'db1', status: 3 },
      ],
    })
    expect(String(error)).toMatch(
      /^2 of 3 servers failed:\n {2}web1: .*status 3:\n {4}web1\n {2}db1: .*status 3:\n {4}db1/,
    )
    expect(await readFile(join(fleet.host('web2').home, 'done'), 'utf8')).toBe('')
  })

  it('works on at most maxConnections servers at a time', async () => {
    const { log } = await inTask(
      ({ on, hosts }) => on(hosts(), (host) => host.execute('echo begins; sleep 0.2; echo ends')),
      { maxConnections: 1 },
    )
    const printed = log.filter((line) => line.startsWith('@'))
    expect(printed.map((line) => line.split(' ')[1])).toEqual([
      'begins',
      'ends',
      'begins',
      'ends',
      'begins',
      'ends',
    ])
  })

  it('works on servers in sequence, and stops at the first that fails', async () => {
    const order: string[] = []
    const { error } = await inTask(({ on, hosts }) =>
      on(hosts(), { in: 'sequence', wait: 0.01 }, async (host) => {
        order.push(`${host.name} begins`)
        await host.execute(host.name === 'web2' ? 'false' : 'true')
        order.push(`${host.name} ends`)
      }),
    )
    expect(order).toEqual(['web1 begins', 'web1 ends', 'web2 begins'])
    expect(String(error)).toContain('Not started: db1.')
  })

  it.each([
    ['groups', { in: 'groups', limit: 2 }, [2, 2, 1]],
    ['a limit', { limit: 1 }, [1, 1, 1]],
    ['no limit', {}, [3, 3, 3]],
  ] as const)('works on servers in %s', async (_, options, expected) => {
    let now = 0
    const most: number[] = []
    await inTask(({ on, hosts }) =>
      on(hosts(), options, async (host) => {
        now += 1
        const index = most.push(0) - 1
        await host.execute('true')
        most[index] = now
        await host.execute('true')
        now -= 1
      }),
    )
    expect(Math.max(...most)).toBe(Math.max(...expected))
  })
})

describe('roles', () => {
  it('select servers', async () => {
    const names = (hosts: readonly Host[]): string[] => hosts.map(({ name }) => name)
    const { result } = await inTask(async ({ roles, releaseRoles, primary, hosts }) => ({
      web: names(roles('web')),
      several: names(roles('app', 'db')),
      all: names(roles('all')),
      release: names(releaseRoles('all')),
      releaseDb: names(releaseRoles('db')),
      primary: primary('web')?.name,
      first: primary('app')?.name,
      none: primary('cache'),
      property: hosts()[2]?.settings['rack'],
    }))
    expect(result).toEqual({
      web: ['web1', 'web2'],
      several: ['web1', 'db1'],
      all: ['web1', 'web2', 'db1'],
      release: ['web1', 'web2'],
      releaseDb: [],
      primary: 'web2',
      first: 'web1',
      none: undefined,
      property: 'b',
    })
  })

  it.each([
    [{ HOSTS: 'web2,db1' }, ['web2', 'db1']],
    [{ ROLES: 'web' }, ['web1', 'web2']],
    [{ HOSTS: ' web2 ', ROLES: 'web,db' }, ['web2']],
  ])("and %j filter everything, including Shipit's own remote commands and copies", async (env, expected) => {
    for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value)
    const file = `narrowed-${expected.join('-')}`
    const local = join(directory, file)
    await writeFile(local, 'x')
    const servers = fleet.servers.map((server) => ({ ...server, ...ROLES[server.name] }))
    const { shipit, run } = createShipit({ key: fleet.key, servers })
    const { hosts } = capistrano(shipit)
    shipit.blTask('probe', async () => {
      expect(hosts().map(({ name }) => name)).toEqual(expected)
      expect(await shipit.remote('true')).toHaveLength(expected.length)
      await shipit.copyToRemote(local, '.')
    })
    expect(await run('probe')).toBeUndefined()
    for (const { name, home } of fleet.hosts) {
      const found = await stat(join(home, file)).catch(() => undefined)
      expect(found !== undefined).toBe(expected.includes(name))
    }
  })
})

it('says what to do about servers that ssh cannot log in to', async () => {
  const [web1, web2, db1] = fleet.servers as [FleetServer, FleetServer, FleetServer]
  const knowing = async (name: string, content: string): Promise<FleetServer['extraSshOptions']> => {
    const file = join(directory, name)
    await writeFile(file, content)
    return { ...web1.extraSshOptions, UserKnownHostsFile: file }
  }
  const ofAnother = fleet.host('web1').knownHost.replace(/^\S+/, `[${web2.host}]:${web2.port}`)
  const { error } = await inTask(({ on, hosts }) => on(hosts(), (host) => host.execute('true')), {
    strict: 'yes',
    servers: [
      { ...web1, name: 'unknown', extraSshOptions: await knowing('none', '') },
      { ...web2, name: 'changed', extraSshOptions: await knowing('another', `${ofAnother}\n`) },
      { ...db1, name: 'closed', extraSshOptions: { ...db1.extraSshOptions, PubkeyAuthentication: 'no' } },
      { ...web1, ...(await freeAddress()), name: 'down' },
      { ...web1, host: 'no-such-host.invalid', name: 'nowhere' },
    ],
  })
  const { failures } = error as ServersError
  expect(failures.map(({ host, code }) => [host, code])).toEqual(
    ['unknown', 'changed', 'closed', 'down', 'nowhere'].map((name) => [name, 'E_UNREACHABLE']),
  )
  const said = failures.map(({ message }) => message)
  expect(said[0]).toMatch(/Host key verification failed\..*connect once by hand.*strict: 'accept-new'/s)
  expect(said[1]).toContain(`ssh-keygen -R '[${web2.host}]:${web2.port}'`)
  expect(said[2]).toMatch(/Permission denied \(publickey\)\..*ssh-add/s)
  expect(said[3]).toMatch(/Connection refused.*is sshd running/s)
  expect(said[4]).toMatch(/Could not resolve hostname.*check its name/s)
})

describe("Shipit's own commands", () => {
  it('run in cwd, and fail if the command fails', async () => {
    const { shipit, run } = createShipit({ key: fleet.key, servers: fleet.servers.slice(0, 1) })
    capistrano(shipit)
    const seen: string[] = []
    shipit.blTask('good', async () => {
      const [result] = await shipit.remote('pwd; echo $HOME', { cwd: '/usr' })
      seen.push(...(result?.stdout ?? '').trim().split('\n'))
    })
    shipit.blTask('bad', () => shipit.remote('false', { cwd: '/usr' }))
    shipit.blTask('missing', () => shipit.remote('true', { cwd: '/no/such/folder' }))
    expect(await run('good')).toBeUndefined()
    expect(seen).toEqual(['/usr', fleet.host('web1').home])
    expect(await run('bad')).toBeInstanceOf(Error)
    expect(await run('missing')).toBeInstanceOf(Error)
  })

  it('fail with the command, its server, status and last lines, without ssh command line or stack', async () => {
    const { shipit, run, log } = createShipit({ key: fleet.key, servers: fleet.servers.slice(0, 1) })
    const { hosts } = capistrano(shipit)
    const command = 'echo out; echo \'w"h"y\' >&2; exit 3'
    shipit.blTask('remote', () => shipit.remote(command))
    shipit.blTask('local', () => shipit.local(command))
    shipit.blTask('copy', () => shipit.copyToRemote('/no/such/file', 'there'))
    shipit.blTask('host:copy', () => hosts()[0]?.copy('/no/such/file', 'there'))
    const printed = { stdout: 'out\n', stderr: 'w"h"y\n' }
    expect(await run('remote')).toMatchObject({
      ...printed,
      name: 'E_SERVER',
      code: 3,
      host: 'web1',
      status: 3,
      message: `web1: "${command}" exited with status 3:\nout\nw"h"y`,
    })
    expect(await run('local')).toMatchObject({
      ...printed,
      name: 'E_COMMAND',
      code: 3,
      status: 3,
      message: `"${command}" exited with status 3:\nout\nw"h"y`,
    })
    for (const task of ['copy', 'host:copy']) {
      expect(await run(task)).toMatchObject({
        name: 'E_SERVER',
        code: 23,
        status: 23,
        message: expect.stringMatching(
          /^web1: "copy \/no\/such\/file to there" exited with status 23:\nrsync: /,
        ),
      })
    }
    const text = log.join('\n')
    expect(text).toContain(`Running "${command}" on host "web1".`)
    expect(text).toContain('[E_SERVER]')
    expect(text).not.toMatch(/^\s+at |Command failed|ControlPath/m)
  })

  it.each([true, false])('report an unreachable server, and what to do (shared: %s)', async (shared) => {
    const { host, port } = await freeAddress()
    const servers = [{ ...fleet.servers[0], host, port }]
    const { shipit, run } = createShipit({ key: fleet.key, servers, sshMultiplexing: shared })
    capistrano(shipit)
    shipit.blTask('remote', () => shipit.remote('true'))
    expect(await run('remote')).toMatchObject({
      code: 'E_UNREACHABLE',
      host: 'web1',
      message: expect.stringMatching(/^web1: .*Connection refused.*\n.*is sshd running/s),
    })
  })

  it('share the connection', async () => {
    const before = await fleet.host('web2').connections()
    const { error } = await inTask(async ({ roles, on }) => {
      for (let round = 0; round < 3; round += 1) await on(roles('web'), (host) => host.execute('true'))
      await on(roles('web'), (host) => host.script(Script.of('true')))
    })
    expect(error).toBeUndefined()
    expect((await fleet.host('web2').connections()) - before).toBe(1)
  })
})
