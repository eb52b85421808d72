import type { LockOffer } from 'shipit-capistrano'

/** What is known of a stored object without reading it. */
export interface StoredObject {
  readonly key: string
  /** Bytes. */
  readonly size: number
  readonly modifiedAt: Date
}

/** Options of {@link Transport.put}. */
export interface PutOptions {
  /** Media type of the object. @default 'application/octet-stream' */
  readonly contentType?: string
  /** Store only if there is no object under the key yet. @default false */
  readonly ifAbsent?: boolean
  /** Bytes that it may have at most, if that is known; a stream that turns out longer is no error. */
  readonly sizeHint?: number
  /** Gives the upload up; nothing stays behind. */
  readonly signal?: AbortSignal
}

/** An address that a server gets an object from. */
export interface AddressSource {
  readonly url: string
  readonly headers?: Readonly<Record<string, string>>
  /** When storage begins to refuse it. A server that is refused after that is given a new one. */
  readonly expiresAt?: Date
  /** Certificates (PEM) that a server trusts for it, in place of its own. */
  readonly ca?: string
}

/** A command that writes an object to its standard output. */
export interface CommandSource {
  readonly command: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
}

/**
 * How a server gets an object. Address, headers and environment may hold secrets: they reach servers over standard input
 * only, and are never logged.
 */
export type Source = AddressSource | CommandSource

/**
 * Remote storage for archives and manifests. Mirrors capistrano-net_storage's `Transport::Base`, reduced to storage
 * primitives: fan-out, retry on servers, verification and retention are the core's.
 *
 * Keys are relative, with `/` between parts, of `[A-Za-z0-9._/-]`, no part of them beginning with a dot:
 * `archives/<revision>-<release>.tar.gz`.
 *
 * Every method rejects with a {@link TransportError} when storage refuses or can't be reached; its message names
 * the storage, what was being done and what to do now, and holds no secret.
 */
export abstract class Transport {
  /** For people: `s3://bucket/prefix`. Holds no secret. */
  abstract readonly description: string
  /**
   * What is wrong with its options, a sentence each, without their values. Told with the mistakes of all other settings
   * when Shipit initialises, so a constructor need not throw.
   */
  readonly mistakes?: readonly string[]
  /** False if storage can't promise `ifAbsent` among writers at the same moment, as far as is known. @default true */
  readonly isExclusive?: boolean
  /** Programs that servers need for the command of `source`; told by `net_storage:check`. @default none */
  readonly serverPrograms?: readonly string[]
  /**
   * Proves that objects can be listed, written, read and deleted; leaves nothing behind. Resolves with what people should
   * know although it works, a sentence each, or nothing.
   */
  abstract check(): Promise<readonly string[] | void>
  /** What is stored under exactly this key, or undefined. */
  abstract stat(key: string): Promise<StoredObject | undefined>
  /**
   * Stores an object whole or not at all; readers never see a part of it. Memory stays bounded whatever its size.
   * Returns false, and changes nothing, if `ifAbsent` is set and there is one under the key. A storage that can't
   * promise that for concurrent writers still answers for what was there before.
   */
  abstract put(
    key: string,
    body: AsyncIterable<Uint8Array> | Uint8Array,
    options?: PutOptions,
  ): Promise<boolean>
  /** A small object's content (up to a megabyte), or undefined. */
  abstract get(key: string): Promise<Uint8Array | undefined>
  /** All objects whose key begins with `prefix`, in any order. */
  abstract list(prefix: string): AsyncIterable<StoredObject>
  /** Removes objects; a key without an object is no error. */
  abstract remove(keys: readonly string[]): Promise<void>
  /** How a server gets the object. Called right before it is needed, once a server and a renewal. */
  abstract source(key: string): Promise<Source>
  /**
   * Offers to keep the deploy lock in this storage, for all machines that use it; or says why it can't. Asked when a lock is
   * needed, unless the settings say where locks are kept. Not needed where there is nothing to offer.
   */
  lock?(): Promise<LockOffer>
  /**
   * Removes what uploads left behind that were begun before a time and ended by a crash: parts that no key leads to and that
   * `list` does not show. Resolves with what was removed, for people. Not needed where a crash leaves nothing.
   */
  removeUnfinished?(begunBefore: Date): Promise<readonly string[]>
}
