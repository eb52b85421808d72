import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

/** A simulated network link to a remote server. */
export interface Link {
  /** URL to use instead of the server's own. */
  readonly endpoint: string
  stop(): void
}

/** Starts a link to a URL, limited to some megabytes per second each way, in its own process. */
export async function startLink(to: string, megabytes: string): Promise<Link> {
  const { hostname, port } = new URL(to)
  const script = fileURLToPath(new URL('slow-link.ts', import.meta.url))
  const child = spawn(process.execPath, ['--import', 'tsx', script, hostname, port, megabytes], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [own] = (await once(child.stdout, 'data')) as [Buffer]
  return { endpoint: `http://127.0.0.1:${own.toString().trim()}`, stop: () => void child.kill() }
}
