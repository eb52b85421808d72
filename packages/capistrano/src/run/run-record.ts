import { currentUser } from '../flow/deploy-log.js'
import type { TimelineRecord } from '../timeline/record.js'
import type { Run } from './run.js'

/** A run as its timeline is kept. */
export function runRecord(
  { kind, environment, revision, release, steps, timeline }: Run,
  branch: string,
  result: TimelineRecord['result'],
): TimelineRecord {
  const { startedAt } = timeline
  const began = startedAt.getTime()
  const tasks = steps.map(({ task, startedAt: at, seconds, failed }) => ({
    task,
    start: Math.max(0, Math.round(at.getTime() - began)),
    ms: Math.round(seconds * 1000),
    ...(failed ? ({ failed } as const) : {}),
  }))
  return {
    version: 1,
    environment,
    kind,
    user: currentUser(),
    startedAt: startedAt.toISOString(),
    seconds: Math.round(Date.now() - began) / 1000,
    result,
    branch: kind === 'rollback' ? null : branch,
    revision: revision ?? null,
    release: release ?? null,
    tasks: tasks.toSorted((a, b) => a.start - b.start),
    servers: timeline.servers,
  }
}
