import type { Found } from './archive-store.js'
import type { Manifest } from './manifest.js'

/** The inputs of {@link decide}. */
export interface Situation {
  /** The archive in storage. */
  readonly found: Found
  /** Never builds. */
  readonly pulling: boolean
  /** `netStorage.reuseArchive`. */
  readonly reuseArchive: boolean
  /** `REBUILD=1`: rebuilds for one run. */
  readonly rebuild: boolean
}

/** Reuse the archive in storage, build one, or fail because there is none to pull. */
export type Decision =
  | { readonly action: 'reuse'; readonly manifest: Manifest }
  | {
      readonly action: 'build'
      readonly reason: string
      /** Replaces an existing archive. */
      readonly replace: boolean
    }
  | { readonly action: 'missing'; readonly reason: string }

/** Decides whether to reuse the archive in storage or to build one. */
export function decide({ found, pulling, reuseArchive, rebuild }: Situation): Decision {
  if ('manifest' in found) {
    if (pulling || (reuseArchive && !rebuild)) return { action: 'reuse', manifest: found.manifest }
    return {
      action: 'build',
      reason: reuseArchive ? 'REBUILD is 1' : 'netStorage.reuseArchive is false',
      replace: true,
    }
  }
  const { reason, absent } = found
  return pulling ? { action: 'missing', reason } : { action: 'build', reason, replace: !absent }
}
