import { commonReleases, majorityLive, type ServerReleases } from '../flow/releases.js'
import type { Shipit } from './shipit.js'

/** Shadows shipit-deploy's own queries on the instance: they fail if servers have different releases. */
export function replaceReleaseQueries(shipit: Shipit, ask: () => Promise<readonly ServerReleases[]>): void {
  shipit.getCurrentReleaseDirname = async () => majorityLive(await ask())?.current ?? null
  shipit.getReleases = async () => commonReleases(await ask())
}
