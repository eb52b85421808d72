import { randomUUID } from 'node:crypto'
import { mkdirSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DAY } from '../durations.js'

/** Most characters of the folder: a socket's path may have 104 bytes, and ssh adds 17 while it makes one. */
const FOLDER_LENGTH = 60

const FOLDER = /^shipit-[0-9a-f]{8}-[0-9a-f]{4}$/

/** The folder with the sockets of shared connections. It is there, for this user alone, while connections are. */
export class ControlSockets {
  private readonly base = socketBase()
  private readonly folder = join(this.base, `shipit-${randomUUID().slice(0, 13)}`)
  private made = false

  /** @param end ends the connections, whatever ends this process */
  constructor(private readonly end: () => void) {}

  /** Path of a connection's socket. */
  path(index: number): string {
    return join(this.folder, String(index))
  }

  /** Makes the folder, unless it is there. */
  make(): void {
    if (this.made) return
    this.made = true
    removeLeftBehind(this.base)
    mkdirSync(this.folder, { mode: 0o700 })
    process.once('exit', this.end)
  }

  /** Takes it away, with what is in it. */
  remove(): void {
    if (!this.made) return
    this.made = false
    process.off('exit', this.end)
    rmSync(this.folder, { recursive: true, force: true })
  }
}

/** Removes the folders of processes that were killed: no deploy takes a day. */
function removeLeftBehind(base: string): void {
  for (const name of readdirSync(base).filter((each) => FOLDER.test(each))) {
    try {
      const { uid, mtimeMs } = statSync(join(base, name))
      if (uid === process.getuid?.() && mtimeMs < Date.now() - DAY)
        rmSync(join(base, name), { recursive: true })
    } catch {
      // Another deploy was faster.
    }
  }
}

/** ssh-pool puts the path into a shell command as it is, and a socket's path is limited. */
function socketBase(): string {
  const folder = tmpdir()
  return folder.length <= FOLDER_LENGTH && /^[\w./-]+$/.test(folder) ? folder : '/tmp'
}
