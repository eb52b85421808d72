import { createHash } from 'node:crypto'
import { z } from 'zod'
import type { Transport } from '../transport/transport.js'

const schema = z.object({ version: z.literal(1), revisions: z.array(z.string()) })

const PREFIX = 'in_use/'

/**
 * The revisions on the servers of each environment, recorded in storage: an archive that another environment's servers
 * have, or are about to fetch, is not removed.
 */
export class ArchivesInUse {
  constructor(
    private readonly transport: Transport,
    private readonly application: string,
    private readonly environment: string,
  ) {}

  /** Records that this environment is about to deploy a revision. Returns false if that was known. */
  async add(revision: string): Promise<boolean> {
    const known = await this.read(this.key)
    if (known.includes(revision)) return false
    await this.write([...known, revision])
    return true
  }

  /** Records exactly the revisions on this environment's servers. */
  async replace(revisions: ReadonlySet<string>): Promise<void> {
    await this.write([...revisions].toSorted())
  }

  /** The revisions in use in any environment of any application. */
  async all(): Promise<Set<string>> {
    const found = new Set<string>()
    for await (const { key } of this.transport.list(PREFIX)) {
      for (const revision of await this.read(key)) found.add(revision)
    }
    return found
  }

  private get key(): string {
    const name = `${this.application}.${this.environment}`
    const isPlain = /^[A-Za-z0-9_-][A-Za-z0-9._-]*$/.test(name)
    return `${PREFIX}${isPlain ? name : createHash('sha256').update(name).digest('hex')}.json`
  }

  private async read(key: string): Promise<readonly string[]> {
    const content = await this.transport.get(key)
    if (!content) return []
    return schema.parse(JSON.parse(Buffer.from(content).toString('utf8'))).revisions
  }

  private async write(revisions: readonly string[]): Promise<void> {
    const content = Buffer.from(`${JSON.stringify({ version: 1, revisions }, null, 2)}\n`)
    await this.transport.put(this.key, content, { contentType: 'application/json' })
  }
}
