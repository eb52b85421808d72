import { DeployError } from 'shipit-capistrano'
import { findConfigFiles } from '../config-files/config-files.js'
import { liveElsewhere } from '../servers/live-elsewhere.js'
import type { Deployment } from './deployment.js'

/** Defines `net_storage:check`: what can be known to be wrong is said before anything is changed. */
export function defineCheck(deployment: Deployment): void {
  const { shipit, dsl } = deployment
  const { task, desc, before, on, flow } = dsl

  desc("Checks repository, branch, storage, config files, and the servers' tools", {
    runsOn: 'deploy machine and servers',
  })
  task('net_storage:check', [], async () => {
    if (flow() === 'rollback') {
      shipit.log('Going back needs neither repository nor storage.')
      return
    }
    const { settings, hosts, scm, branch, pulling, deployTo } = deployment
    deployment.live = pulling ? await liveElsewhere(dsl, deployTo) : undefined
    await all([
      ...(deployment.live ? [] : [scm.check(branch)]),
      settings.transport.check(),
      settings.archiver.check(),
      findConfigFiles(settings.configFiles),
    ])
    const programs = settings.archiver.serverPrograms.join(' ')
    const script = deployment.script('check').with({ programs })
    await on(hosts, (host) => host.script(script))
  })
  before('deploy:check', 'net_storage:check')
}

/** Waits for all, and reports everything that is wrong at once. */
async function all(checks: readonly Promise<unknown>[]): Promise<void> {
  const errors = (await Promise.allSettled(checks)).flatMap((outcome) =>
    outcome.status === 'rejected' ? [outcome.reason as Error] : [],
  )
  if (errors.length > 1) throw new DeployError('E_CHECK', errors.map(String).join('\n'), { cause: errors })
  if (errors[0]) throw errors[0]
}
