// A complete lock provider: a lock kept on one of the servers that are deployed to, over ssh.
// docs/write-a-lock-provider.md goes through it; tests/deploy-locker/server.test.ts proves it.
import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { DeployError, Script, type Host } from 'shipit-capistrano'
import type { HeldLock, LockBreaker, LockHolder, LockProvider, LockRequest } from 'shipit-deploy-locker'

// Each taking of the lock is a folder with a number: mkdir makes one of a name once, whoever tries at the same moment.
// The highest number counts. A file named `ended` in it says that it was given back or broken.
const PRELUDE = `
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

const FIND = Script.of(`${PRELUDE}
newest
fact number "$newest"
fact now "$(date -u +%Y-%m-%dT%H:%M:%S)"
if [ -f "$newest/record" ]; then read -r record <"$newest/record"; fact record "$record"; fi
if [ -f "$newest/ended" ]; then read -r ended <"$newest/ended"; fact ended "$ended"; fi
`)

const TAKE = Script.of(`${PRELUDE}
mkdir "$number" 2>/dev/null || exit 0
newest
# Whoever was held up for long may have made a number again that was removed before.
if [ "$newest" -ne "$number" ]; then rmdir "$number"; exit 0; fi
write "$number/record" "$record"
for each in [0-9]*; do [ "$each" -ge "$number" ] || rm -rf -- "$each"; done
fact taken yes
`)

const END = Script.of(`${PRELUDE}
if [ -d "$number" ]; then write "$number/ended" "$by"; fi
`)

interface LockRecord extends LockHolder {
  readonly domain: string
  readonly token: string
}

interface Found {
  readonly number: number
  readonly record: LockRecord | undefined
  readonly held: boolean
  readonly brokenBy: LockBreaker | undefined
}

export interface ServerLockOptions {
  /** The server; it is asked for when the lock is: `() => capistrano(shipit).hosts()[0]`. */
  readonly host: () => Host | undefined
  /** Folder for locks there; made when it is missing. */
  readonly folder: string
}

export class ServerLock implements LockProvider {
  constructor(private readonly options: ServerLockOptions) {}

  async acquire(request: LockRequest): Promise<HeldLock> {
    const { key, user, reason, process: identity, lasting, until, isAlive } = request
    for (;;) {
      const { number: last, record: before, held } = await this.find(key)
      const holder = before ?? unknownHolder(key)
      const dead = held && !holder.lasting && (await isAlive?.(holder)) === false
      if (held && !dead) throw new HeldError(holder)
      const number = last + 1
      const record: LockRecord = {
        key,
        user,
        reason,
        process: identity,
        lasting,
        until,
        since: new Date().toISOString(),
        host: hostname(),
        pid: process.pid,
        // Who removes the folder begins with new numbers: they are not compared with the old ones.
        domain: before?.domain ?? randomUUID(),
        token: randomUUID(),
      }
      const { taken } = await this.run(TAKE.with({ number, record: JSON.stringify(record) }), key)
      if (taken) return this.hold(record, number, dead ? holder : undefined)
    }
  }

  async inspect(key: string): Promise<LockHolder | undefined> {
    const { record, held } = await this.find(key)
    return held ? (record ?? unknownHolder(key)) : undefined
  }

  async break(key: string, by: LockBreaker): Promise<LockHolder | undefined> {
    const { number, record, held } = await this.find(key)
    if (!held) return undefined
    await this.run(END.with({ number, by: JSON.stringify(by) }), key)
    return record ?? unknownHolder(key)
  }

  private hold(record: LockRecord, number: number, tookOverFrom: LockHolder | undefined): HeldLock {
    const lost = new AbortController()
    const { key, token, domain } = record
    let released = false
    const howLost = async (): Promise<Error | undefined> => {
      const found = await this.find(key)
      if (found.number === number && found.record?.token === token && found.held) return undefined
      const { brokenBy, record: other } = found
      if (brokenBy) return new Error(`${brokenBy.user} broke it (${brokenBy.reason})`)
      return new Error(other ? `${other.user} took it over from ${other.host}` : 'its record is gone')
    }
    return {
      tookOverFrom,
      lost: lost.signal,
      fence: { scope: domain, number },
      confirm: async () => {
        if (released) throw new Error('it was given back')
        const how = await howLost()
        if (how) lost.abort(how)
        lost.signal.throwIfAborted()
      },
      release: async () => {
        if (released) return
        released = true
        if (!(await howLost())) await this.run(END.with({ number, by: '' }), key)
      },
    }
  }

  private async find(key: string): Promise<Found> {
    const { number, record: text, ended, now } = await this.run(FIND, key)
    const record = text ? (JSON.parse(text) as LockRecord) : undefined
    // The server's clock tells whether a freeze is over.
    const over = Boolean(record?.until && now && now >= record.until.slice(0, 19))
    return {
      number: Number(number),
      record,
      held: Number(number) > 0 && ended === undefined && !over,
      brokenBy: ended ? (JSON.parse(ended) as LockBreaker) : undefined,
    }
  }

  private async run(script: Script, key: string): Promise<Record<string, string | undefined>> {
    const host = this.options.host()
    if (!host) throw new DeployError('E_LOCK', 'There is no server to keep the lock on: set servers.')
    const folder = `${this.options.folder}/${encodeURIComponent(key).replace(/^\./, '%2E')}`
    const facts = await host.script(script.with({ folder }))
    return Object.fromEntries(Object.entries(facts).map(([name, values]) => [name, values[0]]))
  }
}

/** What the contract of providers wants of a refusal: this code, and the holder. */
class HeldError extends DeployError {
  constructor(readonly holder: LockHolder) {
    super('E_LOCK_HELD', `${holder.key} is locked by ${holder.user} (${holder.reason}).`)
  }
}

function unknownHolder(key: string): LockHolder {
  const since = new Date().toISOString()
  return { key, user: 'somebody unknown', reason: 'its details are missing', since, host: 'unknown', pid: 0 }
}
