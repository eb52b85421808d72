import capistrano, { currentUser, type Shipit } from 'shipit-capistrano'
import { describeFreeze, describeHolder, FrozenError, LockError, LockHeldError } from './errors.js'
import { FileLock } from './file-lock.js'
import { findFreeze, freeze, unfreeze } from './freeze.js'
import type { LockHolder, LockProvider } from './lock-provider.js'
import { holderIsAlive, RunLock } from './run-lock.js'
import { commandLine, settingsSchema, type DeployLockSettings } from './settings.js'

declare module 'shipit-capistrano' {
  interface EnvironmentConfig {
    /** Settings of shipit-deploy-locker. */
    deployLock?: DeployLockSettings
  }
}

const installed = Symbol.for('shipit-deploy-locker')

const DEPLOY_MACHINE = { runsOn: 'deploy machine' } as const

/**
 * One deploy at a time: `deploy:lock` and `deploy:unlock`, for you to hook. Calling it twice on a Shipit instance is
 * harmless.
 */
export default function deployLocker(shipit: Shipit): void {
  const instance = shipit as Shipit & { [installed]?: true }
  if (instance[installed]) return
  instance[installed] = true

  const { task, desc, before, settings: define, signal, print, statusLine, ...dsl } = capistrano(shipit)
  const { flow, guard, fence, whenFailed } = dsl
  const settings = define({ key: 'deployLock', schema: settingsSchema })
  const emit: Shipit['emit'] = (event, ...details) => shipit.emit(event, ...details)
  const log = (line: string): void => shipit.log(line)
  const lock = new RunLock({ environment: () => shipit.environment, log, emit })

  let fileLock: FileLock | undefined
  const provider = (): LockProvider =>
    settings().provider ?? (fileLock ??= new FileLock({ dir: settings().dir }))
  const key = (): string => {
    const { application } = shipit.config
    const name = settings().key ?? (application && `${application}.${shipit.environment}`)
    if (!name) throw new LockError("Set 'application', or 'deployLock.key': the lock needs a name.")
    return name
  }
  const user = (): string => settings().user ?? currentUser()
  const reason = (): string => settings().reason ?? commandLine()

  const holder = async (): Promise<LockHolder | undefined> => {
    const found = await provider().inspect(key())
    return found && (await holderIsAlive(found)) === false ? undefined : found
  }

  const refuseFrozen = async (): Promise<void> => {
    const frozen = await findFreeze(provider(), key())
    if (!frozen) return
    const rollback = flow() === 'rollback'
    if (rollback && process.env['FREEZE_OVERRIDE'] === '1') {
      if (!lock.isHeld) log(`${describeFreeze(frozen)} This rollback goes on, as FREEZE_OVERRIDE is 1.`)
      return
    }
    emit('lock:refused', { holder: frozen })
    const remedy = rollback ? 'FREEZE_OVERRIDE=1 lets a rollback through.' : "'deploy:unfreeze' ends that."
    throw new FrozenError(frozen, `Nothing was published. ${remedy}`)
  }

  desc('Takes the deploy lock', DEPLOY_MACHINE)
  task('deploy:lock:create', [], async () => {
    if (lock.isHeld) return
    await refuseFrozen()
    await lock.take(
      provider(),
      { key: key(), user: user(), reason: reason() },
      { wait: settings().wait, signal: signal() },
    )
  })

  desc('Gives the deploy lock back, if this process has it', DEPLOY_MACHINE)
  task('deploy:lock:clear', [], () => lock.release())

  desc(
    'Says who has the deploy lock, why, since when and where; status 1 if somebody has, or deploys are frozen',
    DEPLOY_MACHINE,
  )
  task('deploy:lock:check', [], async () => {
    await provider().check?.()
    const frozen = await findFreeze(provider(), key())
    const found = await holder()
    print({ key: key(), holder: found ?? null, freeze: frozen ?? null }, () => {
      if (found) return frozen ? [describeFreeze(frozen)] : []
      return frozen ? [] : [`${key()} is not locked.`]
    })
    if (found) throw new LockHeldError(found, shipit.environment)
    if (frozen) throw new FrozenError(frozen, "'deploy:unfreeze' ends that.")
  })

  desc('Takes the deploy lock away from whoever has it; BREAK_REASON says why', DEPLOY_MACHINE)
  task('deploy:lock:break', [], async () => {
    const by = { user: user(), reason: required('BREAK_REASON') }
    const broken = await provider().break(key(), by)
    if (!broken) {
      log(`${key()} is not locked: there was nothing to break.`)
      return
    }
    log(`Broke a lock: ${describeHolder(broken)} If it runs, it stops at its next task, and can't publish.`)
    emit('lock:broken', { holder: broken, by })
  })

  desc(
    'Refuses deploys until further notice; FREEZE_REASON says why, FREEZE_UNTIL when it ends by itself',
    DEPLOY_MACHINE,
  )
  task('deploy:freeze', [], async () => {
    const request = {
      key: key(),
      user: user(),
      reason: required('FREEZE_REASON'),
      until: process.env['FREEZE_UNTIL'],
    }
    const frozen = await freeze(provider(), request)
    log(describeFreeze(frozen))
    const running = await holder()
    if (running) log(`${describeHolder(running)} It is stopped before it publishes.`)
    emit('lock:frozen', { holder: frozen })
  })

  desc("Ends what 'deploy:freeze' began", DEPLOY_MACHINE)
  task('deploy:unfreeze', [], async () => {
    const frozen = await unfreeze(provider(), { key: key(), user: user(), reason: reason() })
    if (!frozen) {
      log(`Deploys of ${key()} are not frozen.`)
      return
    }
    log(`${key()} can be deployed again: ${frozen.user} had frozen it (${frozen.reason}).`)
    emit('lock:unfrozen', { holder: frozen })
  })

  statusLine('lock', async () => {
    const frozen = await findFreeze(provider(), key())
    const found = await holder()
    return (
      [frozen && describeFreeze(frozen), found && describeHolder(found)].filter(Boolean).join(' ') || 'free'
    )
  })

  // A deploy that has lost its lock starts no other task, and above all publishes nothing.
  guard(() => lock.assure())
  // Also where `deploy:failed` does not run, as it is no deploy that has failed.
  whenFailed(() => lock.release())
  const confirm = async (): Promise<void> => {
    if (!lock.isHeld) return
    await lock.confirm()
    await refuseFrozen()
  }
  fence(async () => {
    await confirm()
    return lock.fence
  })
  before('deploy:publish', 'deploy:lock:confirm', confirm)

  desc('Takes the deploy lock', DEPLOY_MACHINE)
  task('deploy:lock', ['deploy:lock:create'])
  desc('Gives the deploy lock back', DEPLOY_MACHINE)
  task('deploy:unlock', ['deploy:lock:clear'])
}

/** @throws {LockError} `E_LOCK` */
function required(variable: string): string {
  const value = process.env[variable]
  if (!value) throw new LockError(`${variable} must say why, for those who wonder. Nothing was changed.`)
  return value
}
