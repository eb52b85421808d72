import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { FileLockStoreOptions, LockHolder } from 'shipit-deploy-locker'
import type { S3LockStoreOptions } from 'shipit-net-storage-s3'

/** Where a {@link LockProcess} keeps its lock. */
export type Place = 'file' | 's3'

/** Options of each place. */
export interface Places {
  readonly file: FileLockStoreOptions
  readonly s3: S3LockStoreOptions
}

export interface LockProcessOptions {
  /** Offset of its clock, in milliseconds. @default 0 */
  readonly clockOffset?: number
  /** Whether it can check, for a file lock, which processes are alive, unlike processes of other machines. @default false */
  readonly sameMachine?: boolean
}

/** Outcome of an attempt to take the lock. */
export type Taken =
  | {
      readonly token: { readonly scope: string; readonly number: number }
      readonly tookOverFrom: LockHolder | null
    }
  | { readonly refusedBy: LockHolder }
  | { readonly error: string }

/** Commands of a lock process. */
interface Commands {
  /** Takes the lock, unless it is held. */
  acquire: (details: { readonly place: Place; readonly user: string }) => Taken
  /** Null if this process still holds the lock, else how it was lost. */
  confirm: () => string | null
  /** Null, or the error. */
  release: () => string | null
  /** Who held the lock. */
  break: (place: Place) => LockHolder | null
  /** Blocks the event loop for some milliseconds. */
  block: (milliseconds: number) => null
}

/** A process with its own lock, which can be stopped, killed, or run with a wrong clock. */
export class LockProcess {
  private asked = 0

  private constructor(private readonly child: ChildProcess) {}

  static async start(places: Places, options: LockProcessOptions = {}): Promise<LockProcess> {
    const child = fork(fileURLToPath(new URL('lock-process-main.mjs', import.meta.url)), {
      env: { PATH: process.env['PATH'], LOCK: JSON.stringify({ places, ...options }) },
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    })
    await once(child, 'message')
    return new LockProcess(child)
  }

  get pid(): number {
    return Number(this.child.pid)
  }

  async do<C extends keyof Commands>(
    command: C,
    ...[argument]: Parameters<Commands[C]>
  ): Promise<ReturnType<Commands[C]>> {
    const id = (this.asked += 1)
    const answer = new Promise<{ value?: unknown; error?: string }>((resolve, reject) => {
      const take = (message: { id: number; value?: unknown; error?: string }): void => {
        if (message.id !== id) return
        this.child.off('message', take).off('exit', end)
        resolve(message)
      }
      const end = (): void => reject(new Error(`the process exited before it answered '${command}'`))
      this.child.on('message', take).once('exit', end)
    })
    this.child.send({ id, command, argument })
    const { value, error } = await answer
    if (error) throw new Error(error)
    return value as ReturnType<Commands[C]>
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal)
  }

  async kill(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return
    this.child.kill('SIGKILL')
    await once(this.child, 'exit')
  }
}
