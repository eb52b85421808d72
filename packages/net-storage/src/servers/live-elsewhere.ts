import { askReleases, majorityLive, type PluginApi } from 'shipit-capistrano'

/** A finished release of a commit. */
export interface LiveElsewhere {
  readonly release: string
  /** Full commit id. */
  readonly revision: string
}

/**
 * What most of the servers that `HOSTS` and `ROLES` leave out run, so that a new server can get the same; undefined
 * if none is left out, or none of them has a release.
 */
export async function liveElsewhere({
  leftOut,
  deployTo,
}: Pick<PluginApi, 'leftOut' | 'deployTo'>): Promise<LiveElsewhere | undefined> {
  const others = leftOut().filter(({ settings }) => settings.noRelease !== true)
  const answers = await Promise.allSettled(others.map((host) => askReleases(host, deployTo())))
  // Ignore servers that are down: they must not prevent adding a new one.
  const live = majorityLive(
    answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : [])),
  )
  return live?.current && live.revision ? { release: live.current, revision: live.revision } : undefined
}
