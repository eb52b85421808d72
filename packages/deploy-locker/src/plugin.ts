import { setTimeout as pause } from 'node:timers/promises'
import capistrano, { currentUser, type Shipit } from 'shipit-capistrano'
import { describeHolder, LockError, LockHeldError } from './errors.js'
import { FileLock } from './file-lock.js'
import type { HeldLock, LockProvider, LockRequest } from './lock-provider.js'
import { commandLine, settingsSchema, type DeployLockSettings } from './settings.js'

declare module 'shipit-capistrano' {
  interface EnvironmentConfig {
    /** Settings of shipit-deploy-locker. */
    deployLock?: DeployLockSettings
  }
}

const installed = Symbol.for('shipit-deploy-locker')

/** Milliseconds between two looks at a lock that is waited for. */
const LOOK_EVERY = 1000

/**
 * One deploy at a time: `deploy:lock` and `deploy:unlock`, for you to hook. Calling it twice on a Shipit instance is
 * harmless.
 */
export default function deployLocker(shipit: Shipit): void {
  const instance = shipit as Shipit & { [installed]?: true }
  if (instance[installed]) return
  instance[installed] = true

  const { task, desc, before, settings: define, signal, statusLine } = capistrano(shipit)
  const settings = define({ key: 'deployLock', schema: settingsSchema })
  let held: HeldLock | undefined

  const provider = (): LockProvider => settings().provider ?? new FileLock({ dir: settings().dir })
  const key = (): string => {
    const { application } = shipit.config
    const name = settings().key ?? (application && `${application}.${shipit.environment}`)
    if (!name) throw new LockError("Set 'application', or 'deployLock.key': the lock needs a name.")
    return name
  }

  desc('Takes the deploy lock', { runsOn: 'deploy machine' })
  task('deploy:lock:create', [], async () => {
    if (held) return
    const { user = currentUser(), reason = commandLine(), wait } = settings()
    held = await acquire(
      provider(),
      { key: key(), user, reason },
      { seconds: wait, signal: signal(), log: (line) => shipit.log(line) },
    )
    if (held.tookOverFrom)
      shipit.log(`Took over a lock that was left behind: ${describeHolder(held.tookOverFrom)}`)
    shipit.log(`Locked ${key()}.`)
  })

  desc('Gives the deploy lock back, if this process has it', { runsOn: 'deploy machine' })
  task('deploy:lock:clear', [], async () => {
    if (!held) return
    const lock = held
    held = undefined
    await lock.release()
    shipit.log(`Unlocked ${key()}.`)
  })

  desc('Says who has the deploy lock, why, since when and where; status 1 if somebody has', {
    runsOn: 'deploy machine',
  })
  task('deploy:lock:check', [], async () => {
    const holder = await provider().inspect(key())
    if (holder)
      throw new LockHeldError(holder, "'deploy:lock' takes it over by itself once that process is gone")
    shipit.log(`${key()} is not locked.`)
  })

  statusLine('lock', async () => {
    const holder = await provider().inspect(key())
    return holder ? describeHolder(holder) : 'free'
  })

  // Nothing is published by a deploy that has lost its lock.
  before('deploy:publish', 'deploy:lock:confirm', () => {
    held?.lost.throwIfAborted()
  })

  desc('Takes the deploy lock', { runsOn: 'deploy machine' })
  task('deploy:lock', ['deploy:lock:create'])
  desc('Gives the deploy lock back', { runsOn: 'deploy machine' })
  task('deploy:unlock', ['deploy:lock:clear'])
}

async function acquire(
  provider: LockProvider,
  request: LockRequest,
  {
    seconds,
    signal,
    log,
  }: { readonly seconds: number; readonly signal: AbortSignal; readonly log: (line: string) => void },
): Promise<HeldLock> {
  const until = Date.now() + seconds * 1000
  for (let tries = 0; ; tries += 1) {
    try {
      return await provider.acquire(request)
    } catch (error) {
      const left = until - Date.now()
      if (!(error instanceof LockHeldError) || left <= 0) throw error
      if (tries === 0) log(`${describeHolder(error.holder)} Waiting up to ${seconds} s for it.`)
      await pause(Math.min(LOOK_EVERY, left), undefined, { signal })
    }
  }
}
