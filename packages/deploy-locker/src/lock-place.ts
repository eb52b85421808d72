import { createHash } from 'node:crypto'
import { homedir } from 'node:os'
import { isAbsolute, join } from 'node:path'
import type { LockOffer } from 'shipit-capistrano'
import { LockError } from './errors.js'
import { FileLockStore } from './file-lock-store.js'
import type { LockStore } from './lock-store.js'
import { isLockStore } from './settings.js'

/** Where a run's locks are stored. */
export interface LockPlace {
  readonly store: LockStore
  /** Which deploys a lock there keeps out, for the log; undefined if unknown. */
  readonly guardsAgainst: string | undefined
}

/** What decides where locks are stored. */
export interface LockPlaceOptions {
  /** `deployLock.store`. */
  readonly store: LockStore | undefined
  /** `deployLock.dir`. */
  readonly dir: string | undefined
  /** Another plugin's offer. */
  readonly offered: () => Promise<LockOffer | undefined>
  /** What distinguishes a target from this user's others: its servers and its folder there. */
  readonly target: readonly string[]
}

/**
 * The store or folder from the settings; else a plugin's offer, such as a storage that all machines share; else a folder of this
 * user. An offer that can't be reached is an error: a weaker lock would be worse than none.
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
      `The lock store that ${offer.description} offers is not a LockStore: set deployLock.store or deployLock.dir.`,
    )
  }
  const why = offer
    ? `: ${offer.reason}, so it can't keep a lock for several machines`
    : '; set deployLock.store to guard against other machines'
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

/** A target's folder: the same for all checkouts of this user. */
function userFolder(target: readonly string[]): string {
  const { XDG_STATE_HOME: state = '' } = process.env
  // The XDG specification says to ignore relative paths.
  const base = isAbsolute(state) ? state : join(homedir(), '.local/state')
  const name = createHash('sha256').update(JSON.stringify(target)).digest('hex').slice(0, 16)
  return join(base, 'shipit-deploy-locker', name)
}
