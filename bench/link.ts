import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

/** The way to a server that is elsewhere. */
export interface Link {
  /** Address to use in place of the server's own. */
  readonly endpoint: string
  stop(): void
}

/** Starts a link of some megabytes a second, each way, to an address. It has a process of its own. */
export async function startLink(to: string, megabytes: string): Promise<Link> {
  const { hostname, port } = new URL(to)
  const script = fileURLToPath(new URL('slow-link.ts', import.meta.url))
  const child = spawn(process.execPath, ['--import', 'tsx', script, hostname, port, megabytes], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [own] = (await once(child.stdout, 'data')) as [Buffer]
  return { endpoint: `http://127.0.0.1:${own.toString().trim()}`, stop: () => void child.kill() }
}
