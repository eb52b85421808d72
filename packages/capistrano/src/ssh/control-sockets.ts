import { randomUUID } from 'node:crypto'
import { mkdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Most characters of the folder: a socket's path may have 104 bytes, and ssh adds 17 while it makes one. */
const FOLDER_LENGTH = 60

/** The folder with the sockets of shared connections. It is there, for this user alone, while connections are. */
export class ControlSockets {
  private readonly folder = join(base(), `shipit-${randomUUID().slice(0, 13)}`)
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

/** ssh-pool puts the path into a shell command as it is, and a socket's path is limited. */
function base(): string {
  const folder = tmpdir()
  return folder.length <= FOLDER_LENGTH && /^[\w./-]+$/.test(folder) ? folder : '/tmp'
}
