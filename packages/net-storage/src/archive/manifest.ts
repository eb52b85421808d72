import { createHash } from 'node:crypto'
import { z } from 'zod'

const part = z.object({
  key: z.string(),
  /** `format` of the archiver that made it: `tar.gz`. */
  format: z.string(),
  /** Bytes. */
  size: z.number(),
  /** Total bytes of the files inside. */
  unpackedSize: z.number().optional(),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
})

const schema = z.object({
  version: z.literal(1),
  application: z.string(),
  /** Full commit id. */
  revision: z.string(),
  /** Seconds since 1970. */
  revisionTime: z.number(),
  /** Name of the release that the archive was built for. */
  release: z.string(),
  createdAt: z.string(),
  createdBy: z.string(),
  /** What the archive depends on besides the commit. */
  builtWith: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])).optional(),
  parts: z.array(part).length(1),
})

/** What an archive depends on besides the commit: archiver, Node version and the like. */
export type BuiltWith = Readonly<Record<string, string | number | boolean | null>>

/** How they differ, for messages; undefined if they are the same. */
export function difference(built: BuiltWith | undefined, wanted: BuiltWith): string | undefined {
  if (!built) return 'its manifest does not record what it was built with'
  const names = [...new Set([...Object.keys(wanted), ...Object.keys(built)])]
  const different = names.filter((name) => (built[name] ?? null) !== (wanted[name] ?? null))
  if (different.length === 0) return undefined
  return different
    .map((name) => `${name} was ${built[name] ?? 'not set'}, now ${wanted[name] ?? 'not set'}`)
    .join('; ')
}

/** Describes an archive in storage. It is written last: an archive exists only when its manifest does. */
export type Manifest = z.output<typeof schema>

/** One stored file of an archive; currently there is exactly one. */
export type ManifestPart = z.output<typeof part>

/**
 * Key of a revision's manifest.
 * @param apart what distinguishes it from other manifests of the revision: the environment that it was built for, or an
 * application whose usual key another application has
 */
export function manifestKey(revision: string, ...apart: readonly string[]): string {
  if (apart.length === 0) return `manifests/${revision}.json`
  const hash = createHash('sha256').update(JSON.stringify(apart)).digest('hex')
  return `manifests/${revision}-${hash.slice(0, 16)}.json`
}

/** Parses a manifest; undefined if this version does not understand it. */
export function parseManifest(content: Uint8Array): Manifest | undefined {
  try {
    return schema.parse(JSON.parse(Buffer.from(content).toString('utf8')))
  } catch {
    return undefined
  }
}
