import { counted } from '../counted.js'
import { DeployError } from '../errors.js'
import type { Shipit } from '../shipit/shipit.js'
import type { TimelineRecord } from '../timeline/record.js'
import { KEPT_TIMELINES, type TimelineStore } from '../timeline/store.js'
import type { FlowDsl } from './flow-dsl.js'

/**
 * Defines `deploy:timeline`.
 * @param store where timelines are kept; undefined if nowhere
 */
export function defineTimeline(
  shipit: Shipit,
  { replace, desc, plugin }: Pick<FlowDsl, 'replace' | 'desc' | 'plugin'>,
  store: () => TimelineStore | undefined,
): void {
  desc('Shows what took how long in the newest run, or in the one before it with TIMELINE=2', {
    runsOn: 'deploy machine',
  })
  replace('deploy:timeline', [], async () => {
    const record = choose(store(), { environment: shipit.environment, wanted: process.env['TIMELINE'] })
    // Not needed by other tasks.
    const [{ renderTimeline }, { timelinePage }] = await Promise.all([
      import('../timeline/text.js'),
      import('../timeline/html.js'),
    ])
    plugin.print(
      record,
      () => renderTimeline(record),
      () => timelinePage(record),
    )
  })
}

/** @throws {DeployError} `E_TIMELINE` */
function choose(
  store: TimelineStore | undefined,
  { environment, wanted = '1' }: { readonly environment: string; readonly wanted?: string | undefined },
): TimelineRecord {
  if (!/^[1-9]\d*$/.test(wanted)) {
    throw new DeployError(
      'E_TIMELINE',
      `TIMELINE is '${wanted}': set it to 1 for the newest run, 2 for the one before it, up to ${KEPT_TIMELINES}.`,
    )
  }
  if (!store) {
    throw new DeployError(
      'E_TIMELINE',
      "No timelines are kept: use shipit-net-storage, which keeps them in its 'localBasePath'.",
    )
  }
  const records = store.all(environment)
  const record = records[Number(wanted) - 1]
  if (record) return record
  throw new DeployError(
    'E_TIMELINE',
    records.length === 0
      ? `There is no timeline of ${environment} in ${store.folder} yet: deploy from this machine and this folder first.`
      : `TIMELINE is ${wanted}, but ${store.folder} has only ${counted(records.length, 'run')} of ${environment}.`,
  )
}
