import capistrano, { currentUser, messageOf, type Host, type Shipit } from 'shipit-capistrano'
import { describeFreeze, describeHolder, FrozenError, LockError, LockHeldError } from './errors.js'
import { findFreeze, freeze, unfreeze } from './freeze.js'
import { findLockPlace, type LockPlace } from './lock-place.js'
import { Lock } from './lock.js'
import type { LockHolder } from './lock-record.js'
import { RunLock } from './run-lock.js'
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
 * One deploy at a time: `deploy:lock` and `deploy:unlock`, for you to hook. Calling it twice on a Shipit instance is harmless.
 */
export default function deployLocker(shipit: Shipit): void {
  const instance = shipit as Shipit & { [installed]?: true }
  if (instance[installed]) return
  instance[installed] = true

  const { task, desc, before, signal, hosts, plugin } = capistrano(shipit)
  const settings = plugin.settings({ key: 'deployLock', schema: settingsSchema })
  const emit: Shipit['emit'] = (event, ...details) => shipit.emit(event, ...details)
  const log = (line: string): void => shipit.log(line)
  const runLock = new RunLock({ environment: () => shipit.environment, log, emit })

  const findPlace = (): Promise<LockPlace> => {
    const { store, dir, key: ownKey } = settings()
    const servers = [...hosts(), ...plugin.leftOut()].map(targetOf).toSorted()
    return findLockPlace({
      store,
      dir,
      offered: plugin.offeredLock,
      // A key from the settings is one lock for all who use it.
      target: ownKey === undefined ? [plugin.deployTo(), ...servers] : [],
    })
  }
  let found: Promise<LockPlace> | undefined
  const place = (): Promise<LockPlace> =>
    (found ??= findPlace().catch((error: unknown) => {
      found = undefined
      throw error
    }))
  const lock = async (): Promise<Lock> => new Lock((await place()).store)
  const key = (): string => {
    const { application } = shipit.config
    const name = settings().key ?? (application && `${application}.${shipit.environment}`)
    if (!name) throw new LockError("Set 'application', or 'deployLock.key': the lock needs a name.")
    return name
  }
  const user = (): string => settings().user ?? currentUser()
  const reason = (): string => settings().reason ?? commandLine()

  const holder = async (): Promise<LockHolder | undefined> => (await lock()).inspect(key())

  const refuseFrozen = async (): Promise<void> => {
    const frozen = await findFreeze(await lock(), key())
    if (!frozen) return
    const rollback = plugin.run.kind === 'rollback'
    if (rollback && process.env['FREEZE_OVERRIDE'] === '1') {
      if (!runLock.isHeld) log(`${describeFreeze(frozen)} This rollback continues because FREEZE_OVERRIDE=1.`)
      return
    }
    emit('lock:refused', { holder: frozen })
    const remedy = rollback ? 'FREEZE_OVERRIDE=1 allows a rollback.' : "'deploy:unfreeze' ends the freeze."
    throw new FrozenError(frozen, `Nothing was published. ${remedy}`)
  }

  const takeLock = async (): Promise<void> => {
    if (runLock.isHeld) return
    const { guardsAgainst, store } = await place().catch((error: unknown) => {
      throw plugin.run.kind === 'rollback' ? withoutStorage(error) : error
    })
    await refuseFrozen()
    await runLock.take(
      new Lock(store),
      { key: key(), user: user(), reason: reason() },
      { wait: settings().wait, signal: signal(), guardsAgainst },
    )
  }

  desc('Takes the deploy lock', DEPLOY_MACHINE)
  // An unreachable lock is reported with the other failed checks; one that somebody has ends the run.
  task('deploy:lock:create', [], plugin.check(takeLock, isRefusal))

  desc('Releases the deploy lock, if this process has it', DEPLOY_MACHINE)
  task('deploy:lock:clear', [], () => runLock.release())

  desc(
    'Shows who has the deploy lock, why, since when and where; status 1 if it is taken or deploys are frozen',
    DEPLOY_MACHINE,
  )
  task('deploy:lock:check', [], async () => {
    await (await place()).store.check?.()
    const frozen = await findFreeze(await lock(), key())
    const has = await holder()
    plugin.print({ key: key(), holder: has ?? null, freeze: frozen ?? null }, () => {
      if (has) return frozen ? [describeFreeze(frozen)] : []
      return frozen ? [] : [`${key()} is not locked.`]
    })
    if (has) throw new LockHeldError(has, shipit.environment)
    if (frozen) throw new FrozenError(frozen, "'deploy:unfreeze' ends the freeze.")
  })

  desc('Breaks the deploy lock, whoever has it; BREAK_REASON says why', DEPLOY_MACHINE)
  task('deploy:lock:break', [], async () => {
    const by = { user: user(), reason: required('BREAK_REASON') }
    const broken = await (await lock()).break(key(), by)
    if (!broken) {
      log(`${key()} is not locked: nothing to break.`)
      return
    }
    log(
      `Broke a lock: ${describeHolder(broken)} If that deploy is still running, it stops at its next task and can't publish.`,
    )
    emit('lock:broken', { holder: broken, by })
  })

  desc(
    'Freezes deploys until further notice; FREEZE_REASON says why, FREEZE_UNTIL when the freeze ends by itself',
    DEPLOY_MACHINE,
  )
  task('deploy:freeze', [], async () => {
    const request = {
      key: key(),
      user: user(),
      reason: required('FREEZE_REASON'),
      until: process.env['FREEZE_UNTIL'],
    }
    const frozen = await freeze(await lock(), request)
    log(describeFreeze(frozen))
    const running = await holder()
    if (running) log(`${describeHolder(running)} It will stop before it publishes.`)
    emit('lock:frozen', { holder: frozen })
  })

  desc('Ends a freeze', DEPLOY_MACHINE)
  task('deploy:unfreeze', [], async () => {
    const frozen = await unfreeze(await lock(), { key: key(), user: user(), reason: reason() })
    if (!frozen) {
      log(`Deploys of ${key()} are not frozen.`)
      return
    }
    log(`Ended the freeze by ${frozen.user} (${frozen.reason}): ${key()} can be deployed again.`)
    emit('lock:unfrozen', { holder: frozen })
  })

  const describeState = async (): Promise<string> => {
    const frozen = await findFreeze(await lock(), key())
    const has = await holder()
    return [frozen && describeFreeze(frozen), has && describeHolder(has)].filter(Boolean).join(' ') || 'free'
  }
  // The rest of the status does not depend on it.
  plugin.statusLine('lock', () => describeState().catch((error: unknown) => `unknown: ${String(error)}`))

  // A deploy that lost its lock starts no further task; above all, it publishes nothing.
  plugin.beforeTask(() => runLock.assure())
  // `deploy:failed` only runs when a deploy fails, not for other tasks.
  plugin.onAbort(() => runLock.release())
  const confirm = async (): Promise<void> => {
    if (!runLock.isHeld) return
    await runLock.confirm()
    await refuseFrozen()
  }
  plugin.beforePublish(async () => {
    await confirm()
    return runLock.fencingToken
  })
  before('deploy:publish', 'deploy:lock:confirm', confirm)

  desc('Takes the deploy lock', DEPLOY_MACHINE)
  task('deploy:lock', ['deploy:lock:create'])
  desc('Releases the deploy lock', DEPLOY_MACHINE)
  task('deploy:unlock', ['deploy:lock:clear'])
}

/** Identifies a server among targets. */
function targetOf({ settings: { user, host, port } }: Host): string {
  return `${user}@${host}:${port ?? 22}`
}

/** Whether somebody else has the lock, or has frozen deploys. */
function isRefusal(error: unknown): boolean {
  return error instanceof LockHeldError || error instanceof FrozenError
}

/** A rollback does not need the storage, but its lock does. */
function withoutStorage(error: unknown): LockError {
  return new LockError(
    `${messageOf(error)} The deploy lock is stored there. Nothing was changed. If you are sure that nobody else is deploying, keep the lock on this machine and roll back again: deployLock: { dir: '.lock' }.`,
    error,
  )
}

/** @throws {LockError} `E_LOCK` */
function required(variable: string): string {
  const value = process.env[variable]
  if (!value) throw new LockError(`Set ${variable} to say why: others will see it. Nothing was changed.`)
  return value
}
