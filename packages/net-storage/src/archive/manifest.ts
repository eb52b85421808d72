import { z } from 'zod'

const part = z.object({
  key: z.string(),
  format: z.literal('tar.gz'),
  /** Bytes. */
  size: z.number(),
  /** Bytes of the tar inside. */
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
  parts: z.array(part).length(1),
})

/** What is known of an archive in storage. It is written last: an archive exists only when its manifest does. */
export type Manifest = z.output<typeof schema>

/** One stored file of an archive; there is one today. */
export type ManifestPart = z.output<typeof part>

/** Key of a revision's manifest. */
export function manifestKey(revision: string): string {
  return `manifests/${revision}.json`
}

/** Reads a manifest; undefined if it is none that this version understands. */
export function parseManifest(content: Uint8Array): Manifest | undefined {
  try {
    return schema.parse(JSON.parse(Buffer.from(content).toString('utf8')))
  } catch {
    return undefined
  }
}
