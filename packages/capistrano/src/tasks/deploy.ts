import { counted } from '../counted.js'
import { cleanUp, discard } from '../flow/clean-up.js'
import { logDeploy } from '../flow/deploy-log.js'
import { PHASE_DESCRIPTIONS, PHASE_TASKS, PHASES } from '../flow/phases.js'
import { publish } from '../flow/publish.js'
import { askReleases, commonReleases, majorityLive, releaseName } from '../flow/releases.js'
import { chooseRollback } from '../flow/rollback.js'
import type { Extensions } from '../plugin/extensions.js'
import type { Shipit } from '../shipit/shipit.js'
import type { FlowDsl } from './flow-dsl.js'
import { definePush } from './push.js'
import { CHECKS, defineSharedFiles } from './shared-files.js'

const SERVERS = { runsOn: 'servers' } as const

/**
 * A deploy and a rollback, from the first check to the last line of the log: the tasks in the order in which they run, each
 * for users to hook. Plugins replace some of them.
 */
export function defineFlows(shipit: Shipit, dsl: FlowDsl, extensions: Extensions): void {
  const { desc, replace, plugin, on, releaseRoles } = dsl
  const targets = () => releaseRoles('all')
  const ask = () => on(targets(), (host) => askReleases(host, plugin.deployTo()))
  const isRollback = (): boolean => plugin.run.kind === 'rollback'
  definePhases(dsl)

  replace(
    'deploy:init',
    [],
    // It changes nothing, and stands where checks do.
    plugin.check(
      async () => {
        plugin.run.begin()
        if (!isRollback()) shipit.emit('deploy')
      },
      () => true,
    ),
  )

  const shared = defineSharedFiles(shipit, dsl)
  desc('Checks that the servers can be deployed to, and finds out what is live', SERVERS)
  replace('deploy:check', CHECKS, async () => {
    const servers = await ask()
    plugin.run.found(servers)
    const existing = servers.flatMap(({ releases }) => releases.map(({ name }) => name))
    if (!isRollback()) plugin.run.choose({ name: releaseName(new Date(), existing) })
    const { previousRelease } = plugin.run
    const live = previousRelease ? `current is release ${previousRelease}` : 'nothing is deployed yet'
    shipit.log(`${counted(servers.length, 'server is', 'servers are')} ready; ${live}.`)
  })

  desc('Chooses the release to go back to, and brings it to servers that do not have it', SERVERS)
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

  desc('Points current at the release, in one step on each server; if one can not, all go back', SERVERS)
  replace('deploy:publish', [], async () => {
    const release = plugin.run.chosenRelease()
    const { environment } = shipit
    const token = await extensions.askBeforePublish()
    await publish(targets(), on, { environment, deployTo: plugin.deployTo(), release, token })
    shipit.log(`Release ${release} is live on ${counted(targets().length, 'server')}.`)
    shipit.emit('published')
  })

  desc('Removes old releases; never the live one', SERVERS)
  replace('deploy:clean', [], async () => {
    await cleanUp(shipit, dsl)
    shipit.emit('cleaned')
  })

  replace('rollback:finish', [], async () => {
    const { config, prevReleaseDirname: left } = shipit
    if (config.deleteOnRollback && left) await cleanUp(shipit, dsl, left)
    shipit.emit('rollbacked')
  })

  replace('deploy:finish', [], () => {
    if (!isRollback()) shipit.emit('deployed')
  })

  desc('Notes the deploy in revisions.log and deploys.jsonl on the servers', SERVERS)
  replace('deploy:log_revision', [], () => logDeploy(shipit, dsl, 'succeeded'))

  desc('Runs when a deploy or rollback fails or is interrupted. Hook what is to be taken back')
  replace('deploy:failed', [], async () => {
    const { servers, release, kind } = plugin.run
    // Servers that could not even be checked are not asked again.
    if (servers.length === 0) return
    await logDeploy(shipit, dsl, 'failed')
    if (release && (kind === 'deploy' || kind === 'pull')) await discard(shipit, dsl, release)
  })

  // On the instance, ahead of shipit-deploy's own, which fail as soon as servers are not in step.
  shipit.getCurrentReleaseDirname = async () => majorityLive(await ask())?.current ?? null
  shipit.getReleases = async () => commonReleases(await ask())
}

function definePhases({ desc, replace }: FlowDsl): void {
  for (const phase of new Set([...PHASES.deploy, ...PHASES.rollback])) {
    const description = PHASE_DESCRIPTIONS[phase]
    if (description) desc(description)
    replace(phase, PHASE_TASKS[phase] ?? [])
  }
  desc('Deploys the branch to all servers')
  replace('deploy', PHASES.deploy)
  desc('Makes the release live again that was live before, or ROLLBACK_RELEASE')
  replace('rollback', PHASES.rollback)
  desc("The same as 'rollback'")
  replace('deploy:rollback', ['rollback'])
}
