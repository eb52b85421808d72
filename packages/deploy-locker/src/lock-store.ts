/** The state of a lock, as a store has it. */
export interface StoredLock {
  /** Names this state and no other: a number, an ETag. */
  readonly version: string
  /** Byte for byte what was written. */
  readonly text: string
  /** Milliseconds for which it has certainly not been written or renewed, by the store's own clock. */
  readonly age: number
  /** Milliseconds since 1970, by the store's own clock: machines disagree by minutes. */
  readonly now: number
}

/**
 * Where locks are kept. A store only persists: who may have a lock, for how long, and what a text means is the business of
 * {@link Lock}. `shipit-deploy-locker/testing` has the tests of what is promised here.
 *
 * All methods reject with a `DeployError` that says what to do, if the store can't be reached or refuses.
 */
export interface LockStore {
  /** What keeps the locks, for people: `s3://deploys/shop`. Holds no secret. @default none is shown */
  readonly description?: string
  /** What is wrong with its options, a sentence each: reported with the mistakes of all other settings. */
  readonly mistakes?: readonly string[]
  /** Seconds after which others may take over the lock of a deploy that was not heard of. @default 60 */
  readonly lease?: number
  /** Milliseconds between two renewals, where these cost little. @default a quarter of the lease */
  readonly renewEvery?: number
  /** The state of a lock of any name, or undefined. Changes nothing. */
  read(key: string): Promise<StoredLock | undefined>
  /**
   * Writes the next state, if the last one is still of version `expected` (undefined: if there is none). Of any number who
   * write upon the same version at the same time, exactly one gets the new version; the others get undefined. Where an answer
   * may be lost, the store finds out what became of the write: no two texts are the same.
   */
  write(key: string, text: string, expected: string | undefined): Promise<string | undefined>
  /**
   * Makes a state young again, if it is still of this version, and needs no room for that. Gives the version that it has from
   * then on; undefined if it is not the last state any more.
   * @param text a new text of the same meaning, for stores that can only write
   */
  renew(key: string, text: string, version: string): Promise<string | undefined>
  /** Proves that locks can be kept there. */
  check?(): Promise<void>
  /** Removes a state of this version, where a disk has no room to write the next one. */
  remove?(key: string, version: string): Promise<void>
  /** Writes a last state of this version while the process exits: only what is synchronous can be done. */
  writeSync?(key: string, text: string, version: string): void
  /** Keeps a state young while the event loop is busy, until the returned function is called. @param every milliseconds */
  keepYoung?(key: string, version: string, every: number): () => void
}
