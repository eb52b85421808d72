import { spawn } from 'node:child_process'
import { appendFileSync, closeSync, openSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import { endWithProcess } from './end-with-process.js'
import { anyRuns, killMarked, killTree } from './process-tree.js'

const POLL_MILLISECONDS = 10
const TAIL_LINES = 15

export interface DaemonOptions {
  /** Path of the program. */
  readonly command: string
  readonly args: readonly string[]
  /** File to append its output to. */
  readonly log: string
  /** `NAME=value` in the environment of its processes, to find those that outlive their parent. */
  readonly mark?: string
}

/** A server program that runs until it is stopped or this process ends. */
export class Daemon {
  private ended = false

  private constructor(
    private readonly name: string,
    private readonly log: string,
    private readonly kill: () => number[],
    private readonly forget: () => void,
  ) {}

  static start({ command, args, log, mark }: DaemonOptions): Daemon {
    const output = openSync(log, 'a')
    const child = spawn(command, args, { stdio: ['ignore', output, output], detached: true })
    closeSync(output)
    child.unref()

    const { pid } = child
    const kill = (): number[] => [
      ...(pid === undefined || daemon.ended ? [] : killTree(pid)),
      ...(mark === undefined ? [] : killMarked(mark)),
    ]
    const daemon = new Daemon(
      command,
      log,
      kill,
      endWithProcess(() => kill()),
    )
    child.once('error', (error) => {
      daemon.ended = true
      appendFileSync(log, `${error.message}\n`)
    })
    child.once('exit', () => {
      daemon.ended = true
    })
    return daemon
  }

  /**
   * Waits until `probe` resolves with true.
   * @throws with the log's last lines, if the daemon ends or the timeout expires first
   */
  async untilReady(probe: () => Promise<boolean>, timeoutSeconds: number): Promise<void> {
    const deadline = Date.now() + timeoutSeconds * 1000
    while (!(await probe())) {
      if (this.ended) throw new Error(`${this.name} ended before it was ready.${await this.logTail()}`)
      if (Date.now() > deadline)
        throw new Error(`${this.name} was not ready after ${timeoutSeconds} seconds.${await this.logTail()}`)
      await sleep(POLL_MILLISECONDS)
    }
  }

  /** The last lines of its log, for error messages. */
  async logTail(): Promise<string> {
    const lines = (await readFile(this.log, 'utf8').catch(() => '')).trimEnd().split('\n')
    return `\nLast lines of ${this.log}:\n${lines.slice(-TAIL_LINES).join('\n')}`
  }

  /** Kills it and all processes it started, as if the machine died. Resolves when they are gone. */
  async stop(): Promise<void> {
    const seen = new Set<number>()
    for (;;) {
      const killed = this.kill()
      for (const pid of killed) seen.add(pid)
      if (killed.length === 0 && !anyRuns([...seen])) break
      await sleep(POLL_MILLISECONDS)
      // With many daemons, some timer is always due. Node would never get to see that one has ended.
      await nextTurn()
    }
    this.forget()
  }
}
