import type { Capistrano } from '../capistrano.js'
import type { Ask } from '../run/trips.js'
import type { Shipit } from '../shipit/shipit.js'
import type { Host } from '../ssh/host.js'
import { serverScript, type Script } from '../ssh/script.js'

/** Runs a script on all servers that take releases. A failure is only a warning, as the release is already live. */
export async function onAllIfPossible(
  shipit: Shipit,
  { releaseRoles }: Capistrano,
  ask: Ask,
  script: (host: Host) => Script,
  warning: string,
): Promise<void> {
  try {
    await ask(releaseRoles('all'), (host) => host.script(script(host)))
  } catch (error) {
    shipit.log(`Warning: ${warning}.\n${String(error)}`)
  }
}

/** Removes old releases. @param remove another release to remove */
export async function cleanUp(shipit: Shipit, dsl: Capistrano, ask: Ask, remove = ''): Promise<void> {
  const { keepReleases = 5 } = shipit.config
  const deployTo = dsl.plugin.deployTo()
  await onAllIfPossible(
    shipit,
    dsl,
    ask,
    () => serverScript('clean').with({ deploy_to: deployTo, keep_releases: keepReleases, remove }),
    'could not remove old releases from all servers; the next deploy will try again',
  )
}

/** Removes a release that did not go live. */
export async function discard(shipit: Shipit, dsl: Capistrano, ask: Ask, release: string): Promise<void> {
  await onAllIfPossible(
    shipit,
    dsl,
    ask,
    () => serverScript('discard-release').with({ deploy_to: dsl.plugin.deployTo(), release }),
    `could not remove release ${release}, which did not go live, from all servers; the next deploy will try again`,
  )
}
