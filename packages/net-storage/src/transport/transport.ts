import type { LockOffer } from 'shipit-capistrano'

/** Metadata of a stored object. */
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
  /** Expected maximum size in bytes, if known; a longer stream is no error. */
  readonly sizeHint?: number
  /** Cancels the upload, and leaves nothing behind. */
  readonly signal?: AbortSignal
}

/** A URL that a server downloads an object from. */
export interface UrlSource {
  readonly url: string
  readonly headers?: Readonly<Record<string, string>>
  /** When storage starts to refuse the URL. A server that is refused after that gets a new one. */
  readonly expiresAt?: Date
  /** Certificates (PEM) that a server trusts for this URL, instead of its own. */
  readonly ca?: string
}

/** A command that writes an object to its standard output. */
export interface CommandSource {
  readonly command: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
}

/**
 * How a server gets an object. URL, headers and environment may contain secrets: they reach servers over standard input
 * only, and are never logged.
 */
export type Source = UrlSource | CommandSource

/**
 * Remote storage for archives and manifests. Mirrors capistrano-net_storage's `Transport::Base`, reduced to storage
 * primitives: fan-out, retry on servers, verification and retention are the core's.
 *
 * Keys are relative, with `/` between parts, of `[A-Za-z0-9._/-]`, no part of them beginning with a dot:
 * `archives/<revision>-<release>.tar.gz`.
 *
 * Every method rejects with a {@link TransportError} when storage refuses or can't be reached; its message names
 * the storage, what failed and what to do now, and contains no secret.
 */
export abstract class Transport {
  /** For messages: `s3://bucket/prefix`. Contains no secret. */
  abstract readonly description: string
  /**
   * What is wrong with its options, one sentence each, without their values. Reported with the mistakes in all other
   * settings when Shipit initialises, so a constructor need not throw.
   */
  readonly mistakes?: readonly string[]
  /** False if storage is known not to guarantee `ifAbsent` for concurrent writers. @default true */
  readonly isExclusive?: boolean
  /** Programs that servers need for the command of `source`; `net_storage:check` reports missing ones. @default none */
  readonly serverPrograms?: readonly string[]
  /**
   * Checks that objects can be listed, written, read and deleted; leaves nothing behind. Resolves with notes for users,
   * one sentence each, or nothing.
   */
  abstract check(): Promise<readonly string[] | void>
  /** Metadata of the object under exactly this key, or undefined. */
  abstract stat(key: string): Promise<StoredObject | undefined>
  /**
   * Stores an object atomically; readers never see a part of it. Memory use is bounded, regardless of its size.
   * Returns false, and changes nothing, if `ifAbsent` is set and the key exists. Storage that can't guarantee that for
   * concurrent writers still does so for objects that existed before.
   */
  abstract put(
    key: string,
    body: AsyncIterable<Uint8Array> | Uint8Array,
    options?: PutOptions,
  ): Promise<boolean>
  /** Content of a small object (up to a megabyte), or undefined. */
  abstract get(key: string): Promise<Uint8Array | undefined>
  /** All objects whose key begins with `prefix`, in any order. */
  abstract list(prefix: string): AsyncIterable<StoredObject>
  /** Removes objects; a missing one is no error. */
  abstract remove(keys: readonly string[]): Promise<void>
  /** How a server gets the object. Called right before it is needed, once per server and renewal. */
  abstract source(key: string): Promise<Source>
  /**
   * Offers to keep the deploy lock in this storage, for all machines that use it, or says why it can't. Called when a lock is
   * needed, unless the settings name a place for locks. Optional.
   */
  lock?(): Promise<LockOffer>
  /**
   * Removes leftovers of crashed uploads begun before a time: parts that have no key and that `list` does not show.
   * Resolves with what was removed, for messages. Optional.
   */
  removeUnfinished?(begunBefore: Date): Promise<readonly string[]>
}
