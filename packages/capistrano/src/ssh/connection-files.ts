import { randomUUID } from 'node:crypto'
import { mkdirSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DAY } from '../durations.js'

/** Maximum length of the folder's path: a socket's path is limited to 104 bytes, and ssh temporarily appends 17. */
const FOLDER_LENGTH = 60

const FOLDER = /^shipit-[0-9a-f]{8}-[0-9a-f]{4}$/

/** The folder with the shared connections' sockets, and ssh's logs. It exists, for this user only, while there are connections. */
export class ConnectionFiles {
  private logs = 0
  private readonly base = socketBase()
  private readonly folder = join(this.base, `shipit-${randomUUID().slice(0, 13)}`)
  private made = false

  /** @param end closes the connections when this process exits */
  constructor(private readonly end: () => void) {}

  /** Path of a server's socket. */
  socket(index: number): string {
    return join(this.folder, String(index))
  }

  /** Path of a new log. Creates the folder if necessary. */
  newLog(): string {
    this.make()
    this.logs += 1
    return join(this.folder, `log.${this.logs}`)
  }

  private make(): void {
    if (this.made) return
    this.made = true
    removeStale(this.base)
    mkdirSync(this.folder, { mode: 0o700 })
    process.once('exit', this.end)
  }

  /** Removes the folder and the sockets. */
  remove(): void {
    if (!this.made) return
    this.made = false
    process.off('exit', this.end)
    rmSync(this.folder, { recursive: true, force: true })
  }
}

/** Removes folders of killed processes: no deploy takes a day. */
function removeStale(base: string): void {
  for (const name of readdirSync(base).filter((each) => FOLDER.test(each))) {
    try {
      const { uid, mtimeMs } = statSync(join(base, name))
      if (uid === process.getuid?.() && mtimeMs < Date.now() - DAY)
        rmSync(join(base, name), { recursive: true })
    } catch {
      // Another deploy has removed it.
    }
  }
}

/** ssh-pool puts the path into a shell command unquoted, and a socket's path is limited in length. */
function socketBase(): string {
  const folder = tmpdir()
  return folder.length <= FOLDER_LENGTH && /^[\w./-]+$/.test(folder) ? folder : '/tmp'
}
