import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Daemon } from './daemon.js'
import { findProgram } from './find-program.js'
import { freeAddress, freePortOf } from './free-address.js'
import { withoutPrivileges } from './without-privileges.js'

const run = promisify(execFile)

const READY_SECONDS = 20

/** Locations on different systems. Only `scp` and `sftp` need it. */
const SFTP_SERVERS = ['/usr/lib/openssh', '/usr/libexec/openssh', '/usr/libexec', '/usr/lib/ssh'].map(
  (folder) => `${folder}/sftp-server`,
)

export interface SshHostOptions {
  readonly name: string
  /** Its own folder, for configuration, log and home. */
  readonly directory: string
  /** Path of the public key that it accepts. */
  readonly authorizedKey: string
  /** The only tools on its PATH. @default sshd's own PATH */
  readonly tools?: readonly string[] | undefined
  /** Whether its commands have to respect file permissions, even if the tests run as root. @default false */
  readonly unprivileged?: boolean
  /** This machine's address that it listens on. @default a loopback address */
  readonly address?: string | undefined
  /**
   * An existing folder where only this host's commands see its home folder. Users then log in with their own shells and
   * start in their own homes. Needs root. @default commands run in /bin/sh and start in the host's home folder
   */
  readonly mountedAt?: string | undefined
}

/** A server: a real sshd running as the current user, with a home folder in which its commands start. */
export class SshHost {
  private daemon: Daemon | undefined

  private constructor(
    readonly name: string,
    readonly host: string,
    readonly port: number,
    readonly home: string,
    /** Path of sshd's log. */
    readonly log: string,
    /** Its line for a known_hosts file. */
    readonly knownHost: string,
    private readonly config: string,
    private readonly mark: string,
    private readonly mountedAt: string | undefined,
  ) {}

  /** Writes its configuration; {@link start} starts it. */
  static async create(options: SshHostOptions): Promise<SshHost> {
    const { name, directory, authorizedKey, tools, unprivileged = false, address, mountedAt } = options
    const { host, port } = address ? await freePortOf(address) : await freeAddress()
    const home = join(directory, 'home')
    const session = join(directory, 'session')
    const config = join(directory, 'sshd_config')
    const hostKey = join(directory, 'host_key')
    const mark = `TESTBED_HOST=${directory}`
    await mkdir(home, { recursive: true })
    await createKey(hostKey)

    const environment = mountedAt ? [mark] : [`HOME=${home}`, mark]
    if (tools) environment.push(`PATH=${await linkTools(join(directory, 'bin'), tools)}`)
    const shell = [...(unprivileged ? await withoutPrivileges() : []), '/bin/sh'].join(' ')
    await writeFile(session, SESSION.replace('/bin/sh -c', `${shell} -c`), { mode: 0o755 })
    await writeFile(
      config,
      configuration({
        ListenAddress: host,
        Port: port,
        HostKey: quoted(hostKey),
        AuthorizedKeysFile: quoted(authorizedKey),
        ...(!mountedAt && { ForceCommand: `'${session.replaceAll("'", String.raw`'\''`)}'` }),
        SetEnv: environment.map(quoted).join(' '),
      }),
    )
    const [type, key] = (await readFile(`${hostKey}.pub`, 'utf8')).split(' ')
    const knownHost = `[${host}]:${port} ${type} ${key}`
    return new SshHost(
      name,
      host,
      port,
      home,
      join(directory, 'sshd.log'),
      knownHost,
      config,
      mark,
      mountedAt,
    )
  }

  /** Resolves when it accepts connections. Also restarts it after {@link stop}, on the same address and port. */
  async start(): Promise<void> {
    await this.stop()
    // As root, sshd does not start without its privilege separation folder.
    if (process.getuid?.() === 0 && process.platform === 'linux')
      await mkdir('/run/sshd', { recursive: true })
    const sshd = [await findProgram('sshd'), '-D', '-E', this.log, '-f', this.config]
    const [command = '', ...args] = this.mountedAt ? [...MOUNTED, this.home, this.mountedAt, ...sshd] : sshd
    const daemon = Daemon.start({
      command,
      args,
      log: this.log,
      mark: this.mark,
    })
    this.daemon = daemon
    await daemon.untilReady(() => greets(this.host, this.port), READY_SECONDS)
  }

  /** Kills it, its connections and all processes started through them, as if the power failed. */
  async stop(): Promise<void> {
    await this.daemon?.stop()
    this.daemon = undefined
  }

  /** The number of connections made so far. Commands that share a connection count once. */
  async connections(): Promise<number> {
    return (await readFile(this.log, 'utf8')).match(/Accepted publickey/g)?.length ?? 0
  }
}

/** Creates a key pair without a passphrase at `path` and `path.pub`. */
export async function createKey(path: string): Promise<void> {
  await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'testbed', '-f', path])
}

/** Runs a command in its own mount namespace: `HOME FOLDER COMMAND...`. */
const MOUNTED = ['unshare', '--mount', 'sh', '-c', 'mount --bind "$1" "$2" && shift 2 && exec "$@"', 'sh']

// Must not need the PATH, which may not contain a shell.
const SESSION = `#!/bin/sh
cd "$HOME" || exit 1
if [ -n "$SSH_ORIGINAL_COMMAND" ]; then
  exec /bin/sh -c "$SSH_ORIGINAL_COMMAND"
fi
exec "\${SHELL:-/bin/sh}" -l
`

function configuration(settings: Record<string, string | number>): string {
  const sftp = SFTP_SERVERS.find((path) => existsSync(path))
  const all = {
    ...settings,
    ...(sftp && { Subsystem: `sftp ${sftp}` }),
    StrictModes: 'no',
    UsePAM: 'no',
    UseDNS: 'no',
    PermitRootLogin: 'yes',
    PasswordAuthentication: 'no',
    KbdInteractiveAuthentication: 'no',
    PidFile: 'none',
    PrintMotd: 'no',
    PrintLastLog: 'no',
    MaxStartups: '1000:30:2000',
    MaxSessions: 1000,
    LogLevel: 'VERBOSE',
  }
  return Object.entries(all)
    .map(([name, value]) => `${name} ${value}\n`)
    .join('')
}

function quoted(value: string): string {
  return `"${value.replaceAll(/["\\]/g, String.raw`\$&`)}"`
}

async function linkTools(folder: string, tools: readonly string[]): Promise<string> {
  await mkdir(folder, { recursive: true })
  await Promise.all(tools.map(async (tool) => symlink(await findProgram(tool), join(folder, tool))))
  return folder
}

function greets(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, host)
    const answer = (ready: boolean): void => {
      socket.destroy()
      resolve(ready)
    }
    socket.once('data', () => answer(true))
    socket.once('error', () => answer(false))
    socket.once('close', () => answer(false))
  })
}
