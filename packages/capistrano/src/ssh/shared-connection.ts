import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { runProgram } from '../processes/run-program.js'
import { ssh } from '../tracing/sections.js'
import { traced } from '../tracing/traced.js'
import { withAdvice } from './connection-advice.js'
import { HostError } from './servers-error.js'
import { sshArguments, type SshTarget } from './ssh-arguments.js'

/**
 * A connection to a server that all commands share (OpenSSH's ControlMaster). It is a child process whose remote session only
 * waits for end of input, so it ends with this process, however that ends.
 */
export class SharedConnection {
  private master: ChildProcess | undefined
  private opening: Promise<void> | undefined

  constructor(
    private readonly name: string,
    private readonly target: SshTarget & { readonly controlPath: string },
    /** Creates the folder of the control path. */
    private readonly prepare: () => void,
  ) {}

  /** Asks ssh whether the connection is open. */
  async isOpen(): Promise<boolean> {
    const { controlPath, server } = this.target
    const check = ['ssh', '-O', 'check', '-o', `ControlPath=${controlPath}`, '--', server.host] as const
    return !(await runProgram(check)).failed
  }

  /** Opens the connection, unless it is open. @throws {HostError} `E_UNREACHABLE` */
  open(): Promise<void> {
    return (this.opening ??= traced(
      ssh,
      `${this.name}: connection`,
      () => this.connect(),
      () => 'opened',
    ))
  }

  /** Closes the connection immediately. It can be reopened. */
  close(): void {
    // On SIGTERM, it would remove its socket a little later, which may be the next connection's by then.
    this.master?.kill('SIGKILL')
    this.forget(this.master)
  }

  private forget(master: ChildProcess | undefined): void {
    if (this.master !== master) return
    if (master) ssh('%s: connection: closed', this.name)
    this.master = undefined
    this.opening = undefined
  }

  private async connect(): Promise<void> {
    this.prepare()
    const command = 'echo ready && exec cat >/dev/null'
    // Not with execa: nothing awaits it, it must not keep this process alive, and it is killed on exit.
    const master = spawn('ssh', sshArguments(this.target, command, '-M', '-o', 'ControlPersist=no'), {
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    this.master = master
    let errors = ''
    master.stderr.setEncoding('utf8').on('data', (text: string) => (errors = (errors + text).slice(-2000)))
    // A write to a dead process shows in its exit.
    master.stdin.on('error', () => {})
    const ended = once(master, 'close').finally(() => this.forget(master)) as Promise<[number | null]>

    const ready = new Promise<true>((resolve) => {
      let output = ''
      master.stdout.setEncoding('utf8').on('data', (text: string) => {
        output = (output + text).slice(-64)
        if (output.includes('ready\n')) resolve(true)
      })
    })
    const outcome = await Promise.race([ready, ended])
    if (outcome === true) {
      ended.catch(() => {})
      for (const stream of [master, master.stdin, master.stdout, master.stderr])
        (stream as { unref?(): void }).unref?.()
      return
    }
    throw new HostError({
      code: 'E_UNREACHABLE',
      host: this.name,
      status: outcome[0],
      output: withAdvice(
        `cannot connect with ssh: ${errors.trim() || `ssh exited with status ${outcome[0]}`}`,
        this.target.server,
      ),
    })
  }
}
