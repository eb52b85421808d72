/** A lock's state, as its store returns it. */
export interface StoredLock {
  /** Identifies this state: a number, an ETag. */
  readonly version: string
  /** The text that was written, byte for byte. */
  readonly text: string
  /** Milliseconds since it was written or touched, by the store's own clock; rounded down. */
  readonly age: number
  /** Milliseconds since 1970, by the store's own clock: clocks of machines differ by minutes. */
  readonly now: number
}

/**
 * Where locks are kept. A store only persists: {@link Lock} decides who may have a lock and for how long, and what a text means.
 * `shipit-deploy-locker/testing` tests what is promised here.
 *
 * All methods reject with a `DeployError` that says what to do if the store can't be reached or refuses.
 */
export interface LockStore {
  /** Where the locks are, for the log: `s3://deploys/shop`. Holds no secret. @default not shown */
  readonly description?: string
  /** What is wrong with its options, a sentence each: reported with the mistakes in all other settings. */
  readonly mistakes?: readonly string[]
  /** Seconds after which others may take over a lock that was not renewed. @default 60 */
  readonly lease?: number
  /** Milliseconds between renewals, where these are cheap. @default a quarter of the lease */
  readonly renewEvery?: number
  /** The state of a lock with any name, or undefined. Changes nothing. */
  read(key: string): Promise<StoredLock | undefined>
  /**
   * Writes the next state if the current one has version `expected` (undefined: if there is none). Of any number of writes on the
   * same version, at the same time or late, exactly one gets the new version; the others get undefined. May reject, or
   * return undefined, when it has lost the answer: no two texts are equal, so `Lock` finds out by reading.
   */
  write(key: string, text: string, expected: string | undefined): Promise<string | undefined>
  /** Makes a state young again. False if this version is not the current one. @default `write`, with a text that means the same */
  touch?(key: string, version: string): Promise<boolean>
  /** Proves that locks can be kept there. */
  check?(): Promise<void>
  /** Removes a state, where a full disk leaves no room to write the next one. */
  remove?(key: string, version: string): Promise<void>
  /** Writes the last state while the process exits, when only synchronous calls work. */
  writeSync?(key: string, text: string, version: string): void
  /** Keeps a state young while the event loop is blocked, until the returned function is called. @param every milliseconds */
  keepYoung?(key: string, version: string, every: number): () => void
}
