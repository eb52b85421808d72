import type { Found } from './archive-store.js'
import type { Manifest } from './manifest.js'

/** What decides about the archive of a commit. */
export interface Situation {
  /** What storage has. */
  readonly found: Found
  /** Only what storage has is deployed. */
  readonly pulling: boolean
  /** `netStorage.reuseArchive`. */
  readonly reuseArchive: boolean
  /** `REBUILD=1`: builds anew for one run. */
  readonly rebuild: boolean
}

/** What is done: the archive in storage is taken, one is built, or there is none to be had. */
export type Decision =
  | { readonly action: 'reuse'; readonly manifest: Manifest }
  | {
      readonly action: 'build'
      readonly reason: string
      /** Takes the place of one that is there. */
      readonly replace: boolean
    }
  | { readonly action: 'missing'; readonly reason: string }

/** Decides whether an archive is taken from storage, or built. */
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
