import { readFile, readlink } from 'node:fs/promises'
import { basename, join } from 'node:path'
import type { SampleApp } from '../../testbed/sample-app.js'
import { measure, type Cost } from './measure.js'
import type { DeployKind, Series } from './plan.js'
import type { ProcessGroup } from './process-group.js'
import { SIDES, type Project, type Side } from './project.js'
import type { Run } from './results.js'
import type { Site } from './site.js'
import type { Shell, User } from './users.js'

/** What a series needs. */
export interface Bench {
  readonly site: Site
  readonly users: Readonly<Record<Shell, User>>
  readonly app: SampleApp
  readonly projects: Readonly<Record<Side, Project>>
  readonly group: ProcessGroup
  readonly signal: AbortSignal
}

export interface SeriesOptions {
  readonly rounds: number
  /** Called after each deploy. */
  readonly onRun: (run: Run) => void
}

/** Deploys by turns with both sides, which takes the first turn by turns as well. Removes the releases afterwards. */
export async function runSeries(
  bench: Bench,
  series: Series,
  { rounds, onRun }: SeriesOptions,
): Promise<void> {
  const { deploys, ...properties } = series
  if (!deploys.includes('first')) {
    await prepare(bench, series, 'first')
    for (const side of SIDES) await deploy(bench, series, side)
  }
  for (let round = 1; round <= rounds; round += 1)
    for (const kind of deploys) {
      await prepare(bench, series, kind)
      for (const side of round % 2 === 1 ? SIDES : SIDES.toReversed())
        onRun({ ...properties, deploy: kind, side, round, ...(await deploy(bench, series, side)) })
    }
  for (const side of SIDES) await bench.site.wipe(join(series.shell, side))
}

async function prepare(bench: Bench, { shell }: Series, kind: DeployKind): Promise<void> {
  if (kind === 'same') return
  await commit(bench.app)
  if (kind === 'new') return
  for (const side of SIDES) {
    await bench.site.wipe(join(shell, side))
    await bench.projects[side].forget()
  }
}

let version = 1

/** Changes a few files. */
async function commit(app: SampleApp): Promise<void> {
  version += 1
  const paths = ['VERSION', ...[1, 2, 3, 4].map((number) => `folder${number}/changed`)]
  await app.commit(Object.fromEntries(paths.map((path) => [path, `${version}\n`])), `Version ${version}`)
}

async function deploy(bench: Bench, { shell, servers: count }: Series, side: Side): Promise<Cost> {
  const { site, users, projects, group, signal } = bench
  const servers = site.fleet.servers.slice(0, count).map((server) => ({ ...server, user: users[shell].name }))
  const project = projects[side]
  const folder = join(shell, side)
  const cost = await measure({
    project,
    task: 'deploy',
    env: project.environment(site, servers, join(site.mountedAt, folder)),
    group,
    hosts: site.fleet.hosts.slice(0, count),
    uplink: site.uplink,
    signal,
  })
  for (const { name } of servers) {
    const target = site.outside(name, folder)
    const release = basename(await readlink(join(target, 'current')))
    const deployed = await readFile(join(target, 'releases', release, 'VERSION'), 'utf8')
    if (deployed !== `${version}\n`)
      throw new Error(`${side} deployed version ${deployed.trim()} to ${name}, not ${version}.`)
  }
  return cost
}
