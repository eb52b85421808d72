import { createHash } from 'node:crypto'
import { homedir } from 'node:os'
import { isAbsolute, join } from 'node:path'
import type { LockOffer } from 'shipit-capistrano'
import { LockError } from './errors.js'
import { FileLockStore } from './file-lock-store.js'
import type { LockStore } from './lock-store.js'
import { isLockStore } from './settings.js'

/** Where a run's locks are kept. */
export interface LockPlace {
  readonly store: LockStore
  /** Whom a lock there guards against, for people; undefined if that is not known. */
  readonly guardsAgainst: string | undefined
}

/** What decides where locks are kept. */
export interface LockPlaceOptions {
  /** The settings' own. */
  readonly store: LockStore | undefined
  /** The settings' own. */
  readonly dir: string | undefined
  /** What another plugin offers. */
  readonly offered: () => Promise<LockOffer | undefined>
  /** What distinguishes a target from all others of this user: its servers, its folder there. */
  readonly target: readonly string[]
}

/**
 * The settings' store or folder; else what a plugin offers, such as a storage that all machines share; else a folder of
 * this user. What is offered and can't be asked is an error, and no reason to do with less.
 * @throws what `offered` rejects with; {@link LockError} `E_LOCK` if it is no lock store
 */
export async function findLockPlace(options: LockPlaceOptions): Promise<LockPlace> {
  const { store, dir, offered, target } = options
  if (store) return { store, guardsAgainst: store.description && allWhoUse(store.description) }
  if (dir !== undefined) return sharedFolder(dir)
  const offer = await offered()
  if (offer && 'folder' in offer) return sharedFolder(offer.folder)
  if (offer && 'store' in offer) {
    if (isLockStore(offer.store)) return { store: offer.store, guardsAgainst: allWhoUse(offer.description) }
    throw new LockError(
      `What ${offer.description} offers to keep the lock is no LockStore: set deployLock.store or deployLock.dir.`,
    )
  }
  const why = offer
    ? `: ${offer.reason}, so it can't keep a lock for several machines`
    : '; deployLock.store guards against other machines'
  return {
    store: new FileLockStore({ dir: userFolder(target) }),
    guardsAgainst: `other deploys of this user on this machine${why}`,
  }
}

function sharedFolder(dir: string): LockPlace {
  const store = new FileLockStore({ dir })
  return { store, guardsAgainst: allWhoUse(store.description) }
}

function allWhoUse(description: string): string {
  return `every deploy that uses ${description}`
}

/** A target's folder, the same for all checkouts that this user has. */
function userFolder(target: readonly string[]): string {
  const { XDG_STATE_HOME: state = '' } = process.env
  // A relative path is to be ignored there.
  const base = isAbsolute(state) ? state : join(homedir(), '.local/state')
  const name = createHash('sha256').update(JSON.stringify(target)).digest('hex').slice(0, 16)
  return join(base, 'shipit-deploy-locker', name)
}
