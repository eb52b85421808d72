// A complete lock store: keeps locks on one of the deployed servers, over ssh.
// Explained in docs/write-a-lock-store.md, tested in tests/deploy-locker/server.test.ts.
import { DeployError, Script, type Host } from 'shipit-capistrano'
import type { LockStore, StoredLock } from 'shipit-deploy-locker'

// Each state is a numbered folder; the highest number is current. mkdir is atomic, so only one of several concurrent writers
// gets a number. Its file `written` holds the server's time.
const STATES = `
mkdir -p -- "$folder"
cd -- "$folder"
newest() {
  newest=0
  for each in [0-9]*; do
    if [ -d "$each" ] && [ "$each" -gt "$newest" ]; then newest=$each; fi
  done
}
write() { printf '%s\\n' "$2" >"$1.new-$$" && mv -f "$1.new-$$" "$1"; }
`

const READ = Script.of(`${STATES}
state() { read -r written <"$newest/written" && IFS= read -r text <"$newest/text"; }
newest
[ -f "$newest/text" ] || exit 0
# A later writer may remove it meanwhile: then its own state is the newest.
until state 2>/dev/null; do
  found=$newest
  newest
  [ "$newest" -gt "$found" ] || sleep 1
done
fact now "$(date +%s)"
fact version "$newest"
fact written "$written"
fact text "$text"
`)

const WRITE = Script.of(`${STATES}
mkdir "$number" 2>/dev/null || exit 0
newest
# A delayed writer may have recreated a number that was already removed.
if [ "$newest" -ne "$number" ]; then rmdir "$number"; exit 0; fi
write "$number/written" "$(date +%s)"
write "$number/text" "$text"
for each in [0-9]*; do [ "$each" -ge "$number" ] || rm -rf -- "$each"; done
fact version "$number"
`)

export interface ServerLockStoreOptions {
  /** The server, called when the lock is used: `() => capistrano(shipit).hosts()[0]`. */
  readonly host: () => Host | undefined
  /** Folder for locks on that server; created if missing. */
  readonly folder: string
}

export class ServerLockStore implements LockStore {
  constructor(private readonly options: ServerLockStoreOptions) {}

  async read(key: string): Promise<StoredLock | undefined> {
    const { version, text, now, written } = await this.run(READ, key)
    if (version === undefined || text === undefined) return undefined
    // Times are in whole seconds, so the real age may be up to a second less.
    const age = Math.max(0, Number(now) - Number(written) - 1) * 1000
    return { version, text, age, now: Number(now) * 1000 }
  }

  async write(key: string, text: string, expected = '0'): Promise<string | undefined> {
    return (await this.run(WRITE.with({ number: Number(expected) + 1, text }), key)).version
  }

  private async run(script: Script, key: string): Promise<Record<string, string | undefined>> {
    const host = this.options.host()
    if (!host) throw new DeployError('E_LOCK', 'No server to keep the lock on: set servers.')
    const folder = `${this.options.folder}/${encodeURIComponent(key).replace(/^\./, '%2E')}`
    const facts = await host.script(script.with({ folder }))
    return Object.fromEntries(Object.entries(facts).map(([name, values]) => [name, values[0]]))
  }
}
