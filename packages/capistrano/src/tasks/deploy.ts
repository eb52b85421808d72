import { counted } from '../counted.js'
import { cleanUp, discard } from '../flow/clean-up.js'
import { logDeploy } from '../flow/deploy-log.js'
import { PHASE_DESCRIPTIONS, PHASE_TASKS, PHASES } from '../flow/phases.js'
import { publish } from '../flow/publish.js'
import { askReleases, releaseName } from '../flow/releases.js'
import { chooseRollback } from '../flow/rollback.js'
import type { Extensions } from '../plugin/extensions.js'
import { reportFunction } from '../run/checks.js'
import { replaceReleaseQueries } from '../shipit/release-queries.js'
import type { Shipit } from '../shipit/shipit.js'
import type { FlowDsl } from './flow-dsl.js'
import { definePush } from './push.js'
import { CHECKS, defineSharedFiles } from './shared-files.js'

const SERVERS = { runsOn: 'servers' } as const

/** The last task of a deploy. What is done on servers once the release is live may wait for it. */
const LAST = 'deploy:log_revision'

/**
 * Defines the tasks of a deploy and a rollback, in the order in which they run. Users can hook each of them; plugins replace
 * some.
 */
export function defineFlows(shipit: Shipit, dsl: FlowDsl, extensions: Extensions): void {
  const { desc, replace, plugin, on, releaseRoles } = dsl
  const targets = () => releaseRoles('all')
  const isHeard = (event: string): boolean => shipit.listenerCount(event) > 0
  const isRollback = (): boolean => plugin.run.kind === 'rollback'
  definePhases(dsl)

  replace(
    'deploy:init',
    [],
    // A check, because it changes nothing and runs among checks.
    plugin.check(
      async () => {
        plugin.run.begin()
        if (!isRollback()) shipit.emit('deploy')
      },
      () => true,
    ),
  )

  const shared = defineSharedFiles(shipit, dsl)
  desc('Checks that the servers are ready, and finds the live release', SERVERS)
  replace(
    'deploy:check',
    CHECKS,
    reportFunction(async () => {
      const servers = await dsl.reportChecks((host) => askReleases(host, plugin.deployTo()))
      plugin.run.found(servers)
      const existing = servers.flatMap(({ releases }) => releases.map(({ name }) => name))
      if (!isRollback()) plugin.run.choose({ name: releaseName(new Date(), existing) })
      const { previousRelease } = plugin.run
      const live = previousRelease ? `current is release ${previousRelease}` : 'nothing is deployed yet'
      shipit.log(`${counted(servers.length, 'server is', 'servers are')} ready; ${live}.`)
    }),
  )

  desc('Chooses the release to roll back to, and restores it on servers that lack it', SERVERS)
  replace('rollback:init', ['deploy:check'], async () => {
    await chooseRollback(dsl, {
      wanted: process.env['ROLLBACK_RELEASE'],
      restore: extensions.restoreRelease.value,
      link: shared.link,
      log: (line) => shipit.log(line),
    })
    shipit.emit('rollback')
  })

  definePush(shipit, dsl)

  desc('Points current at the release, atomically on each server; if one fails, all switch back', SERVERS)
  replace('deploy:publish', [], async () => {
    const release = plugin.run.chosenRelease()
    const { environment } = shipit
    const token = await extensions.askBeforePublish()
    await publish(targets(), on, { environment, deployTo: plugin.deployTo(), release, token })
    shipit.log(`Release ${release} is live on ${counted(targets().length, 'server')}.`)
    shipit.emit('published')
  })

  desc('Removes old releases, never the live one', SERVERS)
  replace(
    'deploy:clean',
    [],
    plugin.joins(
      async (ask) => {
        const cleaning = cleanUp(shipit, dsl, ask)
        if (isHeard('cleaned')) await cleaning
        shipit.emit('cleaned')
        await cleaning
      },
      LAST,
      () => isHeard('cleaned'),
    ),
  )

  replace('rollback:finish', [], async () => {
    const { config, prevReleaseDirname: left } = shipit
    if (config.deleteOnRollback && left) await cleanUp(shipit, dsl, on, left)
    shipit.emit('rollbacked')
  })

  replace(
    'deploy:finish',
    [],
    plugin.joins(
      async () => {
        if (!isRollback()) shipit.emit('deployed')
      },
      LAST,
      () => isHeard('deployed'),
    ),
  )

  desc('Records the deploy in revisions.log and deploys.jsonl on the servers', SERVERS)
  replace(
    LAST,
    [],
    plugin.joins((ask) => logDeploy(shipit, dsl, 'succeeded', ask)),
  )

  desc('Runs when a deploy or rollback fails or is interrupted. Hook what must be undone')
  replace('deploy:failed', [], async () => {
    const { servers, release, kind } = plugin.run
    // The servers could not even be checked: leave them alone.
    if (servers.length === 0) return
    await logDeploy(shipit, dsl, 'failed', on)
    if (release && (kind === 'deploy' || kind === 'pull')) await discard(shipit, dsl, on, release)
  })

  replaceReleaseQueries(shipit, () => on(targets(), (host) => askReleases(host, plugin.deployTo())))
}

function definePhases({ desc, replace }: FlowDsl): void {
  for (const phase of new Set([...PHASES.deploy, ...PHASES.rollback])) {
    const description = PHASE_DESCRIPTIONS[phase]
    if (description) desc(description)
    replace(phase, PHASE_TASKS[phase] ?? [])
  }
  desc('Deploys the branch to all servers')
  replace('deploy', PHASES.deploy)
  desc('Rolls back to the previously live release, or to ROLLBACK_RELEASE')
  replace('rollback', PHASES.rollback)
  desc("The same as 'rollback'")
  replace('deploy:rollback', ['rollback'])
}
