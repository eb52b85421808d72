import { posix } from 'node:path'
import type { Capistrano, Fence, RestoreRelease } from '../capistrano.js'
import { counted } from '../counted.js'
import { DeployError } from '../errors.js'
import type { Shipit } from '../shipit/shipit.js'
import type { Host } from '../ssh/host.js'
import { Script } from '../ssh/script.js'
import { deployRecord, revisionLine, type DeployRecord } from './deploy-log.js'
import { PHASE_DESCRIPTIONS, PHASE_TASKS, PHASES } from './phases.js'
import { definePush } from './push-release.js'
import { publish } from './publish.js'
import { releaseScript } from './release-script.js'
import {
  commonReleases,
  majority,
  releaseName,
  rollbackTarget,
  serverReleases,
  type Release,
  type ServerReleases,
} from './releases.js'
import { restoreMissing } from './restore-release.js'
import { defineSharedFiles } from './shared-files.js'

const releasesScript = releaseScript('releases')
const cleanScript = releaseScript('clean')
const discardScript = releaseScript('discard-release')
const logScript = Script.file(new URL('../../server/log-deploy.sh', import.meta.url))

/** Defines the phases of a deploy and a rollback, and what they do. Each task can be hooked. */
export function defineFlow(
  shipit: Shipit,
  capistrano: Capistrano,
  plugins: {
    readonly fence: () => Promise<Fence | undefined>
    readonly restoreRelease: () => RestoreRelease | undefined
  },
): void {
  const { replace, desc, check, releaseRoles, on, flow } = capistrano
  const deployTo = (): string => String(shipit.config.deployTo)
  const targets = (): readonly Host[] => releaseRoles('all')
  /** What the servers had when the run began; empty until they were asked. */
  let servers: ServerReleases[] = []
  let started = new Date()
  const forget = (): void => {
    servers = []
    started = new Date()
  }
  shipit.on('start', () => {
    if (!shipit.isRunning) forget()
  })

  const askServers = (): Promise<ServerReleases[]> => {
    const script = releasesScript.with({ deploy_to: deployTo() })
    return on(targets(), async (host) => serverReleases(await host.script(script)))
  }
  // On the instance, ahead of shipit-deploy's own, which fail as soon as servers are not in step.
  shipit.getCurrentReleaseDirname = async () => majorityRelease(await askServers())
  shipit.getReleases = async () => commonReleases(await askServers())

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

  const begin = async (): Promise<void> => {
    forget()
    if (flow() !== 'rollback') shipit.emit('deploy')
  }
  // It changes nothing, and stands where checks do.
  replace(
    'deploy:init',
    [],
    check(begin, () => true),
  )

  desc('Checks that the servers can be deployed to, and finds out what is live', { runsOn: 'servers' })
  replace(
    'deploy:check',
    [
      'deploy:check:directories',
      'deploy:check:linked_dirs',
      'deploy:check:make_linked_dirs',
      'deploy:check:linked_files',
    ],
    async () => {
      servers = await askServers()
      if (flow() !== 'rollback') {
        const existing = servers.flatMap(({ releases }) => releases.map(({ name }) => name))
        shipit.releaseDirname = releaseName(new Date(), existing)
        shipit.releasePath = posix.join(deployTo(), 'releases', shipit.releaseDirname)
      }
      shipit.previousRelease = majorityRelease(servers)
      const previous = servers
        .flatMap(({ releases }) => releases)
        .find(({ name }) => name === shipit.previousRelease)
      shipit.previousRevision = previous?.revision ?? null
      const live = shipit.previousRelease
        ? `current is release ${shipit.previousRelease}`
        : 'nothing is deployed yet'
      shipit.log(`${counted(servers.length, 'server is', 'servers are')} ready; ${live}.`)
    },
  )

  const shared = defineSharedFiles(shipit, capistrano)
  definePush(shipit, capistrano)

  desc('Points current at the release, in one step on each server; if one can not, all go back', {
    runsOn: 'servers',
  })
  replace('deploy:publish', [], async () => {
    const release = required(shipit.releaseDirname)
    await publish(targets(), on, {
      environment: shipit.environment,
      deployTo: deployTo(),
      release,
      fence: await plugins.fence(),
    })
    shipit.log(`Release ${release} is live on ${counted(targets().length, 'server')}.`)
    shipit.emit('published')
  })

  const leave = (release: string): void => {
    shipit.prevReleaseDirname = release
    shipit.prevReleasePath = posix.join(deployTo(), 'releases', release)
  }
  desc('Chooses the release to go back to, and brings it to servers that do not have it', {
    runsOn: 'servers',
  })
  replace('rollback:init', ['deploy:check'], async () => {
    if (shipit.previousRelease) leave(shipit.previousRelease)
    const target = rollbackTarget(servers, process.env['ROLLBACK_RELEASE'])
    if ('reason' in target) {
      throw new DeployError('E_NO_ROLLBACK', `Can't roll back: ${target.reason}. Nothing was changed.`)
    }
    const { release, from, wasLive, missing } = target
    shipit.releaseDirname = release.name
    shipit.releasePath = posix.join(deployTo(), 'releases', release.name)
    leave(from.name)
    if (release.revision) shipit.currentRevision = release.revision
    shipit.log(`Going back from ${shownRelease(from)} to ${shownRelease(release)}.`)
    if (!wasLive) shipit.log(`Release ${release.name} never was live: ROLLBACK_RELEASE names it.`)
    if (release.revision && release.revision === from.revision && release.name !== from.name)
      shipit.log('Both are the same commit.')
    const hosts = targets()
    await restoreMissing(
      missing.flatMap((index) => hosts[index] ?? []),
      release,
      {
        restore: plugins.restoreRelease(),
        link: shared.link,
        on,
        deployTo: deployTo(),
        log: (line) => shipit.log(line),
      },
    )
    shipit.emit('rollback')
  })

  // What is live is live: nothing that comes behind it is a reason to call the deploy failed.
  const onAllIfPossible = async (script: Script, warning: string): Promise<void> => {
    try {
      await on(targets(), (host) => host.script(script))
    } catch (error) {
      shipit.log(`Warning: ${warning}.\n${String(error)}`)
    }
  }
  const clean = (remove: string): Promise<void> =>
    onAllIfPossible(
      cleanScript.with({ deploy_to: deployTo(), keep_releases: shipit.config.keepReleases ?? 5, remove }),
      'old releases could not be removed everywhere; the next deploy tries again',
    )

  desc('Removes old releases; never the live one', { runsOn: 'servers' })
  replace('deploy:clean', [], async () => {
    await clean('')
    shipit.emit('cleaned')
  })

  replace('rollback:finish', [], async () => {
    if (shipit.config.deleteOnRollback && shipit.prevReleaseDirname) await clean(shipit.prevReleaseDirname)
    shipit.emit('rollbacked')
  })

  replace('deploy:finish', [], () => {
    if (flow() !== 'rollback') shipit.emit('deployed')
  })

  const log = async (result: DeployRecord['result']): Promise<void> => {
    const action = flow() ?? 'deploy'
    const record = deployRecord(shipit, { action, started, servers: targets().length, result })
    await onAllIfPossible(
      logScript.with({
        deploy_to: deployTo(),
        line: result === 'succeeded' ? revisionLine(shipit, action) : '',
        record: JSON.stringify(record),
      }),
      'revisions.log and deploys.jsonl could not be written everywhere',
    )
  }

  desc('Notes the deploy in revisions.log and deploys.jsonl on the servers', { runsOn: 'servers' })
  replace('deploy:log_revision', [], () => log('succeeded'))

  desc('Runs when a deploy or rollback fails or is interrupted. Hook what is to be taken back')
  replace('deploy:failed', [], async () => {
    // Servers that could not even be checked are not asked again.
    if (servers.length === 0) return
    await log('failed')
    if (flow() !== 'deploy' || !shipit.releaseDirname) return
    await onAllIfPossible(
      discardScript.with({ deploy_to: deployTo(), release: shipit.releaseDirname }),
      `release ${shipit.releaseDirname}, which did not go live, could not be removed everywhere; the next deploy does that`,
    )
  })
}

function majorityRelease(servers: readonly ServerReleases[]): string | null {
  return majority(servers.flatMap(({ current }) => current ?? [])) ?? null
}

function shownRelease({ name, revision }: Release): string {
  return revision === undefined ? `release ${name}` : `release ${name} (commit ${revision.slice(0, 12)})`
}

function required(release: string | undefined): string {
  if (!release)
    throw new DeployError(
      'E_NO_RELEASE',
      "There is no release to publish: run 'deploy' or 'rollback', which choose one.",
    )
  return release
}
