import type { FencingToken, LockOffer, RestoreRelease } from './api.js'
import { DeployError } from '../errors.js'
import { Named, Single } from './registered.js'
import type { Host } from '../ssh/host.js'

/** What plugins have registered. */
export class Extensions {
  /** Called before each task of a run that has not failed. */
  readonly beforeTask: (() => Promise<void>)[] = []
  /** Called right before a release goes live. */
  readonly beforePublish: (() => Promise<FencingToken | undefined | void>)[] = []
  /** Awaited when a run fails or is interrupted. */
  readonly onAbort: (() => Promise<void>)[] = []
  /** Tasks that make a deploy a pull deploy. */
  readonly pullTasks = new Set<string>()
  readonly statusColumns = new Named<(host: Host) => Promise<string>>('statusColumn')
  readonly statusLines = new Named<() => Promise<string>>('statusLine')
  readonly planLines = new Named<() => Promise<string>>('planLine')
  readonly plannedRevision = new Single<() => Promise<string | undefined>>('plannedRevision')
  readonly restoreRelease = new Single<RestoreRelease>('restoreRelease')
  /** Where timelines are kept. */
  readonly timelineFolder = new Single<() => string>('timelineFolder')
  readonly lockOffer = new Single<() => Promise<LockOffer | undefined>>('offerLock')

  /** Calls all `beforePublish`, and returns the token. @throws what they reject with; {@link DeployError} `E_PLUGIN` */
  async askBeforePublish(): Promise<FencingToken | undefined> {
    const tokens: FencingToken[] = []
    for (const ask of this.beforePublish) tokens.push(...[(await ask()) ?? []].flat())
    if (tokens.length > 1)
      throw new DeployError(
        'E_PLUGIN',
        `Plugins returned ${tokens.length} fencing tokens, but servers check only one: use only one of these plugins.`,
      )
    return tokens[0]
  }
}
