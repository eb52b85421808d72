import type { Found } from '../archive/archive-store.js'
import type { Deployment } from '../deployment.js'
import { findBuilders, othersUntil } from './builders.js'

/** What a deploy finds out while its checks run, if nothing in between can change it. */
export interface Ahead {
  /** The branch's commit, once the mirror is up to date. */
  readonly revision: Promise<string>
  /** The same, once, if it is of this branch: who resolves a branch again wants it to be up to date. */
  readonly take: (branch: string) => Promise<string> | undefined
  /** What storage has of that commit, for what would be built now; undefined if that depends on what builds in the workspace. */
  readonly found: Promise<Found | undefined>
}

/**
 * Updates the mirror and looks the commit up in storage, while the checks run. Undefined if others' tasks run before the mirror
 * would be updated: they may push a commit.
 */
export function lookAhead(deployment: Deployment): Ahead | undefined {
  const { plugin, scm, localFolder } = deployment
  const mirror = 'net_storage:prepare_mirror_repository'
  if (
    plugin.taskWatchers().length > 0 ||
    !deployment.run.includes(mirror) ||
    othersUntil(deployment, mirror).length > 0
  )
    return undefined
  const branch = plugin.branch()
  const revision = (async () => {
    await localFolder.make()
    await scm.update(branch)
    return scm.resolve(branch)
  })()
  const canLookUp =
    deployment.run.kind !== 'pull' &&
    deployment.run.includes('net_storage:upload_archive') &&
    findBuilders(deployment).length === 0
  const found = canLookUp
    ? revision.then(async (commit) => deployment.find(commit, await deployment.builtWith(commit)))
    : Promise.resolve(undefined)
  // Whoever needs them gets the errors.
  for (const each of [revision, found]) each.catch(() => {})
  let isTaken = false
  const take = (wanted: string): Promise<string> | undefined => {
    if (isTaken || wanted !== branch) return undefined
    isTaken = true
    return revision
  }
  return { revision, take, found }
}
