import type { Cost } from './measure.js'
import type { AppName, DeployKind, Series } from './plan.js'
import type { Side } from './project.js'
import { median } from './statistics.js'

/** A measured deploy. */
export interface Run extends Cost, Omit<Series, 'deploys'> {
  readonly deploy: DeployKind
  readonly side: Side
  readonly round: number
}

export interface Results {
  readonly runs: readonly Run[]
  /** Seconds of `shipit production tasks`, and of `shipit production --tasks` for a push. */
  readonly tasks: Readonly<Record<Side, readonly number[]>>
  /** Bytes of each app's archive in storage. */
  readonly archives: Readonly<Partial<Record<AppName, number>>>
  /** What was left out, and why. */
  readonly skipped: readonly string[]
  /** The slow uplink, if one was measured. */
  readonly uplink: string | undefined
}

export type Query = Partial<Pick<Run, 'app' | 'shell' | 'servers' | 'slowUplink' | 'deploy' | 'side'>>

/** The runs whose properties are the query's. */
export function select(runs: readonly Run[], query: Query): Run[] {
  const wanted = Object.entries(query)
  return runs.filter((run) => wanted.every(([name, value]) => run[name as keyof Query] === value))
}

/** The median of a cost, without the runs that don't know it. @returns NaN if none does */
export function medianOf(runs: readonly Run[], cost: keyof Cost): number {
  return median(runs.flatMap((run) => run[cost] ?? []))
}

/** The different values of a property, in the order of their first runs. */
export function distinct<Name extends keyof Run>(runs: readonly Run[], name: Name): Run[Name][] {
  return [...new Set(runs.map((run) => run[name]))]
}
