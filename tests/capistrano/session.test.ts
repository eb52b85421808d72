import { mkdtemp, readFile, rm, symlink, unlink, writeFile } from 'node:fs/promises'
import { connect, createServer, type Socket } from 'node:net'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import capistrano, { Script, type EnvironmentConfig, type Host } from 'shipit-capistrano'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Script as OwnScript } from '../../packages/capistrano/src/ssh/script.js'
import { Session } from '../../packages/capistrano/src/ssh/session.js'
import { findProgram } from '../../testbed/find-program.js'
import { startFleet, type Fleet, type FleetServer } from '../../testbed/fleet.js'
import { createShipit } from '../../testbed/shipit-instance.js'

const SHELLS = ['dash', 'bash', 'busybox'] as const

const TOOLS = [
  'cat',
  'sleep',
  'head',
  'tr',
  'echo',
  'pgrep',
  'ps',
  'mkfifo',
  'mv',
  'chmod',
  'rm',
  'kill',
  'sh',
]

let directory: string
let fleet: Fleet
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'session-'))
  const names = [...SHELLS, 'bare']
  fleet = await startFleet({
    directory,
    names,
    paths: { ...Object.fromEntries(SHELLS.map((name) => [name, TOOLS])), bare: ['cat', 'sleep', 'sh'] },
  })
  // Each host's `sh` is another shell.
  for (const name of SHELLS) {
    const sh = join(fleet.host(name).home, '../bin/sh')
    await unlink(sh)
    await symlink(await findProgram(name), sh)
  }
})
afterAll(async () => {
  await fleet.stop()
  await rm(directory, { recursive: true, force: true })
})

function serverOf(name: string): FleetServer {
  const server = fleet.servers.find((each) => each.name === name)
  if (!server) throw new Error(`the fleet has no server ${name}`)
  return server
}

/** The host's connections and sessions so far. */
async function counted(name: string): Promise<{ connections: number; sessions: number }> {
  const log = await readFile(fleet.host(name).log, 'utf8')
  const count = (text: RegExp): number => log.match(text)?.length ?? 0
  return { connections: count(/Accepted publickey/g), sessions: count(/Starting session/g) }
}

/** Works on a host, and returns the result with the numbers of connections and sessions that this took. */
async function onHost<T>(
  name: string,
  work: (host: Host) => Promise<T>,
  config: EnvironmentConfig = {},
): Promise<{
  result: T | undefined
  error: unknown
  connections: number
  sessions: number
  log: readonly string[]
}> {
  const servers = fleet.servers.filter((server) => server.name === name)
  const { shipit, run, log } = createShipit({ key: fleet.key, servers, ...config })
  const { hosts } = capistrano(shipit)
  const before = await counted(name)
  let result: T | undefined
  shipit.blTask('probe', async () => {
    for (const host of hosts()) result = await work(host)
  })
  const error = await run('probe')
  const { connections, sessions } = await counted(name)
  return {
    result,
    error,
    log,
    connections: connections - before.connections,
    sessions: sessions - before.sessions,
  }
}

/** How something failed. */
const failure = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => undefined,
    (error: unknown) => error,
  )

/** Resolves when a file on a host exists. */
async function created(host: Host, file: string): Promise<void> {
  while (!(await host.test(['test', '-e', file]))) await pause(20)
}

describe.each(SHELLS)('a session with %s', (name) => {
  it('is one for all scripts, commands, and values, over one connection', async () => {
    const { result, error, sessions, connections } = await onHost(name, async (host) => {
      await host.script(Script.of('say hello'))
      await host.execute('echo hello')
      return [
        await host.capture('echo "$0 $#"; echo "${mark:-no mark}"'),
        await host.capture('cat'),
        await host.test('false'),
        (await host.script(Script.of('fact value "$value"').with({ value: "it's $(id) `id` \\n ☃" })))[
          'value'
        ],
      ]
    })
    expect(error).toBeUndefined()
    expect(result).toEqual(['sh 0\nno mark', '', false, ["it's $(id) `id` \\n ☃"]])
    expect({ sessions, connections }).toEqual({ sessions: 1, connections: 1 })
  })

  it('tells output, error output and status apart, whatever is printed', async () => {
    const { result, error, log } = await onHost(name, async (host) => {
      const marks = 'shipit-0123456789abcdef0123456789abcdef 0'
      await host.execute(`printf '%s\\n' '${marks}'; printf '%s\\n' '${marks}' >&2`)
      return [
        await host.capture("printf 'no newline'; printf 'nor here' >&2"),
        await host.capture("printf 'a\\001b\\037c'"),
        await failure(host.execute('printf out; printf err >&2; exit 3')),
        await host.capture('set; set -x; :'),
      ]
    })
    expect(error).toBeUndefined()
    expect(log).toContain('@' + name + ' shipit-0123456789abcdef0123456789abcdef 0')
    expect(log).toContain('@' + name + '-err shipit-0123456789abcdef0123456789abcdef 0')
    expect(result?.slice(0, 2)).toEqual(['no newline', 'a\u0001b\u001fc'])
    expect(result?.[2]).toMatchObject({ status: 3, output: expect.stringMatching(/^(out\nerr|err\nout)$/) })
  })

  it('passes on every byte', async () => {
    const { host, port, extraSshOptions, user } = serverOf(name)
    const options = Object.entries(extraSshOptions).flatMap(([option, value]) => ['-o', `${option}=${value}`])
    const session = new Session({
      ssh: (command) => ['-T', '-i', fleet.key, '-p', String(port), ...options, `${user}@${host}`, command],
      user: undefined,
      takesInput: false,
      log: join(directory, `${name}.log`),
    })
    const file = join(fleet.host(name).home, 'bytes')
    const bytes = Buffer.from(Array.from({ length: 70_000 }, (_, index) => (index * index) % 256))
    await writeFile(file, bytes)
    const printed: Record<'stdout' | 'stderr', Buffer[]> = { stdout: [], stderr: [] }
    await session.started
    const statuses = await session.run(
      [
        {
          script: OwnScript.of('cat bytes; cat bytes >&2; exit 255'),
          isAny: false,
          stdout: (chunk) => printed.stdout.push(chunk),
          stderr: (chunk) => printed.stderr.push(chunk),
        },
      ],
      false,
    )
    session.close()
    expect(statuses).toEqual([255])
    expect(Buffer.concat(printed.stdout).equals(bytes)).toBe(true)
    expect(Buffer.concat(printed.stderr).equals(bytes)).toBe(true)
  })

  it('passes on 100 MB', async () => {
    const { result } = await onHost(name, async (host) => {
      const output = await host.capture("head -c 100000000 /dev/zero | tr '\\000' x")
      return [output.length, await host.capture('echo next')]
    })
    expect(result).toEqual([100_000_000, 'next'])
  })

  it('survives whatever a script does to its shell', async () => {
    const { result, error, sessions } = await onHost(name, async (host) => {
      const status = async (command: string): Promise<unknown> => {
        const failed = (await failure(host.execute(command))) as { status: number } | undefined
        return failed?.status ?? 0
      }
      return {
        exit: await status('exit 7'),
        255: await status('exit 255'),
        exec: await host.capture('exec echo replaced'),
        'set -e': await status('set -e; false; exit 5'),
        'in a list': await status('set -e; (exit 3); exit 5'),
        syntax: (await status('if then')) !== 0,
        unclosed: (await status("echo 'unclosed")) !== 0,
        brace: (await status('}; echo out')) !== 0,
        kill: await status('kill $$; sleep 5'),
        'kill -9': await status('kill -9 $$; sleep 5'),
        stdin: await host.capture('exec 0<&-; cat 2>&1 >/dev/null | head -c 0; echo closed'),
        cd: await host.capture('cd /; umask 777; PATH=; IFS=x; echo changed'),
        after: await host.capture('echo "$PWD" | tr / x | head -c 1'),
      }
    })
    expect(error).toBeUndefined()
    expect(result).toEqual({
      exit: 7,
      255: 255,
      exec: 'replaced',
      'set -e': 1,
      'in a list': 3,
      syntax: true,
      unclosed: true,
      brace: true,
      kill: 143,
      'kill -9': 137,
      stdin: 'closed',
      cd: 'changed',
      after: 'x',
    })
    expect(sessions).toBe(1)
  })

  it('passes input to a script in a session of its own, over the same connection', async () => {
    const input = [Buffer.from('first\n'), Buffer.from("it's $(id)\0".repeat(50_000))]
    const { result, error, sessions, connections } = await onHost(name, async (host) => [
      await host.capture('IFS= read -r line; echo "$line"; cat | tr -d "\\000" | head -c 20', { input }),
      ((await failure(host.execute('exit 255', { input: [Buffer.from('unread')] }))) as { status: number })
        .status,
      await host.capture('echo next'),
    ])
    expect(error).toBeUndefined()
    expect(result).toEqual(["first\nit's $(id)it's $(id)", 255, 'next'])
    expect({ sessions, connections }).toEqual({ sessions: 3, connections: 1 })
  })

  it('does not wait for what a command leaves behind, whose output disturbs nobody', async () => {
    const { result, error, sessions, connections } = await onHost(name, async (host) => {
      await host.execute('rm -f gate; mkfifo gate; { cat gate; echo LATE; echo LATE >&2; } &')
      const next = host.capture('sleep 0.3; echo mine')
      await host.execute('echo go >gate')
      return [await next, await host.capture('echo "mine, too"')]
    })
    expect(error).toBeUndefined()
    expect(result).toEqual(['mine', 'mine, too'])
    expect(connections).toBe(1)
    expect(sessions).toBe(3)
  })

  it('runs scripts in parallel', async () => {
    const { result, error, connections } = await onHost(name, async (host) => {
      await host.execute('rm -f pipe; mkfifo pipe')
      return Promise.all([host.capture('cat pipe'), host.execute('echo through >pipe')])
    })
    expect(error).toBeUndefined()
    expect(result).toEqual(['through', undefined])
    expect(connections).toBe(1)
  })

  it('ends a cancelled script with its children, even those that do not want to', async () => {
    const { result, error, sessions } = await onHost(name, async (host) => {
      const cancelled = new AbortController()
      const script =
        'trap "" TERM; rm -f up; (trap "" TERM; cat <waits; echo no) & : >up; sh -c "sleep 1000; echo no"; wait'
      await host.execute('rm -f waits; mkfifo waits')
      const running = failure(host.execute(script, { signal: cancelled.signal }))
      await created(host, 'up')
      cancelled.abort()
      const reason = await running
      return [reason, await host.capture('pgrep -f "[s]leep 1000" || echo gone'), await host.test('true')]
    })
    expect(error).toBeUndefined()
    expect(result).toEqual([expect.objectContaining({ name: 'AbortError' }), 'gone', true])
    expect(sessions).toBeLessThanOrEqual(3)
  })

  it('ignores what the shell says at its start', async () => {
    const session = join(fleet.host(name).home, '../session')
    const before = await readFile(session, 'utf8')
    await writeFile(session, before.replace('cd "$HOME"', 'echo Welcome; echo "shipit-x 0" >&2; cd "$HOME"'))
    const { result, log } = await onHost(name, async (host) => {
      await host.execute('echo hello')
      return host.capture('echo "as asked"')
    })
    await writeFile(session, before)
    expect(result).toBe('as asked')
    expect(log.join('\n')).not.toContain('Welcome')
  })
})

describe('a session', () => {
  it("is replaced after every command where it can't be known what was left behind", async () => {
    const { sessions, connections } = await onHost('bare', async (host) => {
      for (let times = 0; times < 3; times += 1) await host.execute('true')
    })
    expect({ sessions, connections }).toEqual({ sessions: 3, connections: 1 })
  })

  it('ends cancelled scripts without pgrep or ps, too', async () => {
    const { result } = await onHost('bare', async (host) => {
      const cancelled = new AbortController()
      const running = failure(
        host.script(Script.of('rm() { :; }; : >up; sleep 1001'), { signal: cancelled.signal }),
      )
      await created(host, 'up')
      cancelled.abort()
      return [
        await running,
        await host.test(
          'for f in /proc/[0-9]*/cmdline; do case "$(cat $f | (IFS= read -r l; echo "$l"))" in *1001*) exit 1 ;; esac; done 2>/dev/null',
        ),
      ]
    })
    expect(result).toEqual([expect.objectContaining({ name: 'AbortError' }), true])
  })

  it('is a connection without sharing, for all scripts', async () => {
    const { sessions, connections } = await onHost(
      'dash',
      async (host) => {
        for (let times = 0; times < 3; times += 1) await host.execute('true')
        await host.execute('cat', { input: [Buffer.from('x')] })
      },
      { sshMultiplexing: false },
    )
    expect({ sessions, connections }).toEqual({ sessions: 2, connections: 2 })
  })

  it('is one of the user to become, with asUser', async () => {
    const bin = join(fleet.host('dash').home, '../bin')
    const sudo = `[ "$1 $2 $4" = "-n -u --" ] || exit 64\n[ "$3" = deploy ] || { echo "sudo: a password is required" >&2; exit 1; }\nFOR="$3"\nexport FOR\nshift 4\nexec "$@"`
    await writeFile(join(bin, 'sudo'), `#!/bin/sh\n${sudo}\n`, { mode: 0o755 })
    const { result, error, sessions } = await onHost(
      'dash',
      async (host) => [
        await host.capture('echo "$FOR"'),
        await host.script(Script.of('fact for "$FOR"')),
        await failure(host.as('root').execute('true')),
        await host.capture('echo "$FOR"'),
      ],
      { asUser: 'deploy' },
    )
    expect(error).toBeUndefined()
    expect(result).toEqual([
      'deploy',
      { for: ['deploy'] },
      expect.objectContaining({
        code: 'E_SERVER',
        message: 'dash: cannot become root with sudo: sudo: a password is required',
      }),
      'deploy',
    ])
    expect(sessions).toBe(2)
  })

  it('that is lost fails its script, and the next script connects again', async () => {
    const { host: address, port } = fleet.host('dash')
    const sockets: Socket[] = []
    const proxy = createServer((incoming) => {
      const outgoing = connect(port, address)
      sockets.push(incoming, outgoing)
      for (const socket of [incoming, outgoing]) socket.on('error', () => {})
      incoming.pipe(outgoing).pipe(incoming)
    }).listen(0, '127.0.0.1')
    await once(proxy, 'listening')
    const { port: own } = proxy.address() as { port: number }
    const { extraSshOptions, user } = serverOf('dash')
    const options = { ...extraSshOptions, StrictHostKeyChecking: 'no', UserKnownHostsFile: '/dev/null' }
    const servers = [{ name: 'cut', host: '127.0.0.1', port: own, user, extraSshOptions: options }]
    const { result, error, connections } = await onHost(
      'dash',
      async (host) => {
        await host.execute('rm -f up')
        const running = failure(host.execute('echo begun; : >up; sleep 1002'))
        while (!(await readFile(join(fleet.host('dash').home, 'up')).catch(() => undefined))) await pause(20)
        for (const socket of sockets) socket.destroy()
        return [await running, await host.capture('echo again')]
      },
      { servers },
    )
    proxy.close()
    for (const socket of sockets) socket.destroy()
    expect(error).toBeUndefined()
    expect(result).toEqual([
      expect.objectContaining({
        code: 'E_UNREACHABLE',
        message: expect.stringMatching(/^cut: lost the connection during "echo begun; : >up; sleep 1002"/),
      }),
      'again',
    ])
    expect(connections).toBe(2)
  })

  it('connects again to a server that was rebooted between two scripts', async () => {
    const { result, error, connections } = await onHost('busybox', async (host) => {
      const first = await host.capture('echo one')
      await fleet.host('busybox').stop()
      await fleet.host('busybox').start()
      return [first, await host.capture('echo two')]
    })
    expect(error).toBeUndefined()
    expect(result).toEqual(['one', 'two'])
    expect(connections).toBe(2)
  })
})
