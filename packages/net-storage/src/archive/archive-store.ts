import { createHash, randomBytes } from 'node:crypto'
import { DAY, DeployError } from 'shipit-capistrano'
import type { Archiver } from '../archiver/archiver.js'
import type { Transport } from '../transport/transport.js'
import {
  difference,
  manifestKey,
  parseManifest,
  type BuiltWith,
  type Manifest,
  type ManifestPart,
} from './manifest.js'

/** What an archive is built from, when and by whom. */
export type ArchiveIdentity = Pick<
  Manifest,
  'revision' | 'revisionTime' | 'release' | 'createdBy' | 'builtWith'
>

/** The archive of a revision, or why none can be deployed; `absent` if there is no manifest either. */
export type Found = { readonly manifest: Manifest } | { readonly reason: string; readonly absent: boolean }

/** Archives and their manifests in remote storage. */
export class ArchiveStore {
  constructor(
    private readonly transport: Transport,
    private readonly application: string,
    /** What the archives are built for, if that separates them from others of the same revision. */
    private readonly builtFor?: string,
  ) {}

  /** The deployable archive of a revision, or why there is none. If `builtWith` is set, the archive must match it. */
  async find(revision: string, builtWith?: BuiltWith): Promise<Found> {
    const { content } = await this.locate(revision)
    if (!content) return { reason: 'storage has no archive of it', absent: true }
    const manifest = parseManifest(content)
    if (!manifest) return { reason: 'its manifest in storage was written by another version', absent: false }
    const other = builtWith && difference(manifest.builtWith, builtWith)
    if (other) return { reason: `the archive in storage does not match: ${other}`, absent: false }
    for (const { key, size } of manifest.parts) {
      const stored = await this.transport.stat(key)
      if (!stored) return { reason: `${key} is missing from storage`, absent: false }
      if (stored.size !== size)
        return { reason: `${key} in storage has ${stored.size} bytes instead of ${size}`, absent: false }
    }
    return { manifest }
  }

  /**
   * Stores an archive, then its manifest. If another machine stored the same revision first, its archive wins, unless
   * `replace` is set.
   * @throws {DeployError} `E_ARCHIVE_EXISTS` if another machine was first, and its archive can't be used
   */
  async store(
    archive: AsyncIterable<Uint8Array>,
    identity: ArchiveIdentity,
    options: {
      /** Replaces an existing archive. */
      readonly replace: boolean
      readonly archiver: Pick<Archiver, 'format' | 'contentType'>
      /** Bytes. */
      readonly unpackedSize: number
      readonly signal: AbortSignal
    },
  ): Promise<Manifest> {
    const { revision, release } = identity
    const { archiver, unpackedSize } = options
    const key = await this.claim(`archives/${revision}-${release}`, archiver.format)
    const hash = createHash('sha256')
    let size = 0
    const measured = (async function* () {
      for await (const chunk of archive) {
        hash.update(chunk)
        size += chunk.length
        yield chunk
      }
    })()
    await this.transport
      .put(key, measured, {
        contentType: archiver.contentType,
        // An incompressible archive may be slightly larger than its content.
        sizeHint: 2 * unpackedSize,
        signal: options.signal,
      })
      .catch(async (error: unknown) => {
        await this.transport.remove([key]).catch(() => {})
        throw error
      })
    const part: ManifestPart = {
      key,
      format: archiver.format,
      size,
      unpackedSize,
      sha256: hash.digest('hex'),
    }
    const manifest: Manifest = {
      version: 1,
      application: this.application,
      createdAt: new Date().toISOString(),
      ...identity,
      parts: [part],
    }
    const content = Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`)
    const written = await this.transport.put((await this.locate(revision)).key, content, {
      contentType: 'application/json',
      ifAbsent: !options.replace,
    })
    if (written) return manifest
    await this.transport.remove([key])
    const winner = await this.find(revision)
    if ('manifest' in winner) return winner.manifest
    throw new DeployError(
      'E_ARCHIVE_EXISTS',
      `Another deploy stored an archive of ${revision} first, but it can't be used: ${winner.reason}. Deploy again.`,
    )
  }

  /** Where the manifest of a revision is, or will be. If another application has the usual key, it is a separate one. */
  private async locate(revision: string): Promise<{ key: string; content: Uint8Array | undefined }> {
    const apart = this.builtFor === undefined ? [] : [this.builtFor]
    const [usual, own] = [manifestKey(revision, ...apart), manifestKey(revision, ...apart, this.application)]
    const content = await this.transport.get(usual)
    const owner = content && (parseManifest(content)?.application ?? this.application)
    if (owner === this.application) return { key: usual, content }
    const elsewhere = await this.transport.get(own)
    return owner === undefined && elsewhere === undefined
      ? { key: usual, content: undefined }
      : { key: own, content: elsewhere }
  }

  /** A unique key for an archive: two machines may build the same commit in the same second. */
  private async claim(name: string, extension: string): Promise<string> {
    const key = `${name}.${extension}`
    const isOurs = await this.transport.put(key, new Uint8Array(), { ifAbsent: true })
    if (isOurs && this.transport.isExclusive !== false) return key
    if (isOurs) await this.transport.remove([key])
    return `${name}-${randomBytes(4).toString('hex')}.${extension}`
  }

  /**
   * Removes old archives: keeps the newest `keep`, those in use, and those of other applications.
   * Returns the removed keys.
   */
  async clean(keep: number, inUse: ReadonlySet<string>): Promise<string[]> {
    const manifests: { key: string; manifest: Manifest }[] = []
    const referenced = new Set<string>()
    const unreadable = new Set<string>()
    for await (const { key } of this.transport.list('manifests/')) {
      const manifest = parseManifest((await this.transport.get(key)) ?? Buffer.alloc(0))
      if (!manifest) unreadable.add(revisionOf(key))
      for (const part of manifest?.parts ?? []) referenced.add(part.key)
      if (manifest?.application === this.application) manifests.push({ key, manifest })
    }
    manifests.sort((a, b) => (a.manifest.createdAt < b.manifest.createdAt ? 1 : -1))
    const old = manifests.slice(keep).filter(({ manifest }) => !inUse.has(manifest.revision))
    const removed = old.flatMap(({ key, manifest }) => [key, ...manifest.parts.map((part) => part.key)])

    const dayAgo = Date.now() - DAY
    for await (const { key, modifiedAt } of this.transport.list('archives/')) {
      // The one-day grace period spares running uploads: the manifest comes last.
      if (referenced.has(key) || modifiedAt.getTime() >= dayAgo) continue
      // An unreadable manifest, of another version, may reference any archive of its revision.
      const revision = revisionOf(key)
      if (!inUse.has(revision) && !unreadable.has(revision)) removed.push(key)
    }
    for await (const { key, modifiedAt } of this.transport.list('checks/')) {
      // Left by a killed check.
      if (modifiedAt.getTime() < dayAgo) removed.push(key)
    }
    // Manifests first: an archive without one is ignored, but a manifest without its archive is an error.
    await this.transport.remove(removed.filter((key) => key.startsWith('manifests/')))
    await this.transport.remove(removed.filter((key) => !key.startsWith('manifests/')))
    return removed
  }
}

/** The revision in a key such as `manifests/<revision>.json`. */
function revisionOf(key: string): string {
  return /^[^/]+\/([^-]*?)(?:-|\.json$)/.exec(key)?.[1] ?? ''
}
