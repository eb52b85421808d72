import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { DeployError } from 'shipit-capistrano'
import { findConfigFiles } from '../config-files/config-files.js'
import { liveElsewhere } from '../servers/live-elsewhere.js'
import { runFetching, type KnownObject } from '../servers/fetch.js'
import type { Transport } from '../transport/transport.js'
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
    const { transport, installer } = settings
    await all([
      ...(deployment.live ? [] : [scm.check(branch)]),
      transport.check().then((notes) => notes?.forEach((note) => shipit.log(`Note: ${note}`))),
      settings.archiver.check(),
      // One that is found by its lockfile is known once there is a commit.
      ...(typeof installer === 'object' && !pulling ? [installer.identity()] : []),
      findConfigFiles(settings.configFiles),
    ])
    const programs = [...settings.archiver.serverPrograms, ...(transport.serverPrograms ?? [])].join(' ')
    const script = deployment.script('download', 'fetch', 'check').with({ programs })
    const probe = await storeProbe(transport)
    try {
      await on(hosts, { limit: settings.maxParallels }, (host) =>
        runFetching(host, script, probe, settings, (line) => shipit.log(line)),
      )
    } finally {
      // If not, it is removed by a later clean-up, and servers' errors are what matters.
      await transport.remove([probe.key]).catch(() => {})
    }
  })
  before('deploy:check', 'net_storage:check')
}

/** Stores a small object, for servers to try whether they can fetch one. */
async function storeProbe(transport: Transport): Promise<KnownObject> {
  const content = randomBytes(64)
  const key = `checks/${randomUUID()}`
  await transport.put(key, content)
  return { key, size: content.length, sha256: createHash('sha256').update(content).digest('hex') }
}

/** Waits for all, and reports everything that is wrong at once. */
async function all(checks: readonly Promise<unknown>[]): Promise<void> {
  const errors = (await Promise.allSettled(checks)).flatMap((outcome) =>
    outcome.status === 'rejected' ? [outcome.reason as Error] : [],
  )
  if (errors.length > 1) throw new DeployError('E_CHECK', errors.map(String).join('\n'), { cause: errors })
  if (errors[0]) throw errors[0]
}
