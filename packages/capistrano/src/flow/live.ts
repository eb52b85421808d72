import type { Host } from '../ssh/host.js'
import { Script } from '../ssh/script.js'
import { majority } from './releases.js'

const currentScript = Script.file(new URL('../../server/current.sh', import.meta.url))

/** What is live on a server. */
export interface LiveRelease {
  /** Name of the release, or null. */
  readonly release: string | null
  /** Full commit id, or null if it is not known. */
  readonly revision: string | null
}

/** Asks a server what is live there. Changes nothing. @throws {HostError} */
export async function askLive(host: Host, deployTo: string): Promise<LiveRelease> {
  const facts = await host.script(currentScript.with({ deploy_to: deployTo }))
  return { release: facts['current']?.[0] ?? null, revision: facts['revision']?.[0] || null }
}

/** What most servers have live, of those that have something; undefined if none has. */
export function majorityLive(all: readonly LiveRelease[]): LiveRelease | undefined {
  const most = majority(all.flatMap(({ release }) => release ?? []))
  return most === undefined ? undefined : all.find(({ release }) => release === most)
}
