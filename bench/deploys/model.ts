import { cpus } from 'node:os'
import type { Side } from './project.js'
import { medianOf, select, distinct, type Query, type Results, type Run } from './results.js'
import { fitLine, type Line } from './statistics.js'

/** Of a large installation. docs/performance.md explains the model. */
export const ASSUMPTIONS = {
  servers: 1000,
  /** Cores of the deploy machine. */
  cores: cpus().length,
  /** Bytes per second from the deploy machine: 1 Gbit/s. */
  uplink: 125e6,
  /** Bytes per second from storage: 10 Gbit/s. */
  storage: 1.25e9,
  /** Servers at a time: `maxConnections`. A push has no limit. */
  atATime: 100,
} as const

/** The deploys that get a model. */
export const MODELLED = [
  { app: 'small', shell: 'plain', deploy: 'new' },
  { app: 'large', shell: 'plain', deploy: 'first' },
] as const

export interface Model {
  readonly side: Side
  readonly query: Query
  /** Wall seconds by number of servers, with all of them on this machine. */
  readonly wall: Line
  /** Processor seconds of the deploy machine by number of servers. */
  readonly cpu: Line
  /** Processor seconds of each server and of storage for it. */
  readonly serverSeconds: number
  readonly points: readonly {
    readonly servers: number
    readonly seconds: number
    readonly cpuSeconds: number
  }[]
  /** Bytes that leave the deploy machine: for all servers together, and for each. */
  readonly bytes: { readonly once: number; readonly each: number } | undefined
  /** Bytes that each server gets from storage. */
  readonly fetched: number
  /** Seconds for {@link ASSUMPTIONS}. */
  readonly predicted: number
}

/** Fits a model for each side. Needs two different numbers of servers. */
export function fitModels(results: Results, query: Query): Model[] {
  return (['ours', 'push'] as const).flatMap((side) => fitModel(results, { ...query, side }, side) ?? [])
}

function fitModel(results: Results, query: Query, side: Side): Model | undefined {
  const runs = select(results.runs, { ...query, slowUplink: false })
  const counts = distinct(runs, 'servers')
  const median = (servers: number, cost: 'seconds' | 'cpuSeconds' | 'machineSeconds'): number =>
    medianOf(select(runs, { servers }), cost)
  const line = (cost: (servers: number) => number): Line | undefined =>
    fitLine(counts.map((servers) => ({ x: servers, y: cost(servers) })))
  const wall = line((servers) => median(servers, 'seconds'))
  const cpu = line((servers) => median(servers, 'cpuSeconds'))
  const elsewhere = line((servers) => median(servers, 'machineSeconds') - median(servers, 'cpuSeconds'))
  if (!wall || !cpu || !elsewhere) return undefined
  const fetched = side === 'ours' ? (results.archives[query.app ?? 'small'] ?? 0) : 0
  const fit = {
    side,
    query,
    wall,
    cpu,
    serverSeconds: elsewhere.slope,
    points: counts.map((servers) => ({
      servers,
      seconds: median(servers, 'seconds'),
      cpuSeconds: median(servers, 'cpuSeconds'),
    })),
    bytes: side === 'ours' ? { once: fetched, each: 0 } : pushedBytes(results.runs, query),
    fetched,
  }
  return { ...fit, predicted: predict(fit) }
}

/** What a push sends to each server, from the runs behind the slow uplink. */
function pushedBytes(runs: readonly Run[], query: Query): Model['bytes'] {
  const { app, deploy, side } = query as Required<Query>
  const behind = select(runs, { app, deploy, side, slowUplink: true })
  const [servers] = distinct(behind, 'servers')
  if (servers === undefined) return undefined
  return { once: 0, each: medianOf(select(behind, { servers }), 'bytes') / servers }
}

function predict(model: Omit<Model, 'predicted'>): number {
  const { servers, cores, uplink, storage, atATime } = ASSUMPTIONS
  const { side, wall, cpu, serverSeconds, bytes = { once: 0, each: 0 }, fetched } = model
  const turns = side === 'ours' ? Math.ceil(servers / atATime) : 1
  const longest = Math.max(
    turns * serverSeconds,
    (servers * fetched) / storage,
    (servers * bytes.each) / uplink,
  )
  return wall.base + bytes.once / uplink + (servers * cpu.slope) / cores + longest
}
