import { userInfo } from 'node:os'
import { posix } from 'node:path'
import extendShipit from 'shipit-deploy/lib/extendShipit.js'
import type { Capistrano } from '../capistrano.js'
import { DeployError } from '../errors.js'
import type { Shipit } from '../shipit.js'
import { Script } from '../ssh/script.js'
import { majority, releaseName, rollbackTarget, serverReleases, type ServerReleases } from './releases.js'
import { publish } from './publish.js'

const checkScript = Script.file(new URL('../../server/check.sh', import.meta.url))
const cleanScript = Script.file(new URL('../../server/clean.sh', import.meta.url))
const logRevisionScript = Script.file(new URL('../../server/log-revision.sh', import.meta.url))

/** Defines the phases of a deploy and a rollback, and what they do. Each task can be hooked. */
export function defineFlow(shipit: Shipit, capistrano: Capistrano): void {
  const { replace, hosts, on, flow } = capistrano
  const deployTo = (): string => String(shipit.config.deployTo)
  let servers: ServerReleases[] = []

  const phases = {
    deploy: [
      'starting',
      'started',
      'updating',
      'updated',
      'publishing',
      'published',
      'finishing',
      'finished',
    ],
    rollback: [
      'starting',
      'started',
      'reverting',
      'reverted',
      'publishing',
      'published',
      'finishing_rollback',
      'finished',
    ],
  }
  const behaviour: Record<string, string[]> = {
    starting: ['deploy:init', 'deploy:check'],
    updating: ['deploy:fetch', 'deploy:update'],
    reverting: ['rollback:init'],
    publishing: ['deploy:publish'],
    finishing: ['deploy:clean'],
    finishing_rollback: ['deploy:clean', 'rollback:finish'],
    finished: ['deploy:finish', 'deploy:log_revision'],
  }
  for (const phase of new Set([...phases.deploy, ...phases.rollback, 'failed'])) {
    replace(`deploy:${phase}`, behaviour[phase] ?? [])
  }
  replace(
    'deploy',
    phases.deploy.map((phase) => `deploy:${phase}`),
  )
  replace(
    'rollback',
    phases.rollback.map((phase) => `deploy:${phase}`),
  )
  replace('deploy:rollback', ['rollback'])

  replace('deploy:init', [], () => {
    if (!shipit.config.deployTo)
      throw new DeployError('E_CONFIG', 'deployTo: must be set, a deploy needs it.')
    extendShipit.default(shipit)
    if (flow() !== 'rollback') shipit.emit('deploy')
  })

  replace('deploy:check', [], async () => {
    servers = await on(hosts(), async (host) =>
      serverReleases(await host.script(checkScript.with({ deploy_to: deployTo() }))),
    )
    const existing = servers.flatMap(({ releases }) => releases.map(({ name }) => name))
    shipit.releaseDirname = releaseName(new Date(), existing)
    shipit.releasePath = posix.join(deployTo(), 'releases', shipit.releaseDirname)
    shipit.previousRelease = majority(servers.flatMap(({ current }) => current ?? [])) ?? null
    const previous = servers
      .flatMap(({ releases }) => releases)
      .find(({ name }) => name === shipit.previousRelease)
    shipit.previousRevision = previous?.revision ?? null
    shipit.log(
      `${servers.length} servers are ready; ${shipit.previousRelease ? `current is release ${shipit.previousRelease}` : 'nothing is deployed yet'}.`,
    )
  })

  replace('deploy:publish', [], async () => {
    await publish(capistrano, deployTo(), required(shipit.releaseDirname))
    shipit.log(`Release ${shipit.releaseDirname} is live on ${hosts().length} servers.`)
    shipit.emit('published')
  })

  replace('rollback:init', [], () => {
    const target = rollbackTarget(servers, process.env['ROLLBACK_RELEASE'])
    if ('reason' in target) {
      throw new DeployError('E_NO_ROLLBACK', `Can't roll back: ${target.reason}. Nothing was changed.`)
    }
    shipit.releaseDirname = target.release.name
    shipit.releasePath = posix.join(deployTo(), 'releases', target.release.name)
    if (target.release.revision) shipit.currentRevision = target.release.revision
    shipit.log(`Going back from release ${shipit.previousRelease} to ${target.release.name}.`)
    shipit.emit('rollback')
  })

  // What is live is live: nothing that comes behind it is a reason to call the deploy failed.
  const onAllIfPossible = async (script: Script, warning: string): Promise<void> => {
    try {
      await on(hosts(), (host) => host.script(script))
    } catch (error) {
      shipit.log(`Warning: ${warning}.\n${String(error)}`)
    }
  }
  const clean = (remove: string): Promise<void> =>
    onAllIfPossible(
      cleanScript.with({ deploy_to: deployTo(), keep_releases: shipit.config.keepReleases ?? 5, remove }),
      'old releases could not be removed everywhere; the next deploy tries again',
    )

  replace('deploy:clean', [], async () => {
    await clean('')
    shipit.emit('cleaned')
  })

  replace('rollback:finish', [], async () => {
    if (shipit.config.deleteOnRollback && shipit.previousRelease) await clean(shipit.previousRelease)
    shipit.emit('rollbacked')
  })

  replace('deploy:finish', [], () => {
    if (flow() !== 'rollback') shipit.emit('deployed')
  })

  replace('deploy:log_revision', [], async () => {
    const user = process.env['USER'] ?? process.env['LOGNAME'] ?? userInfo().username
    const line =
      flow() === 'rollback'
        ? `${user} rolled back to release ${shipit.releaseDirname}`
        : `Branch ${shipit.config.branch} (at ${shipit.currentRevision}) deployed as release ${shipit.releaseDirname} by ${user}`
    await onAllIfPossible(
      logRevisionScript.with({ deploy_to: deployTo(), line }),
      'revisions.log could not be written everywhere',
    )
  })
}

function required(release: string | undefined): string {
  if (!release)
    throw new DeployError(
      'E_NO_RELEASE',
      "There is no release to publish: run 'deploy' or 'rollback', which choose one.",
    )
  return release
}
