// Compares pull deploys with a plain shipit-deploy, on real ssh hosts and real S3: `npm run bench -- --quick`.
// See docs/performance.md.
import { randomBytes } from 'node:crypto'
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { createSampleApp } from '../../testbed/sample-app.js'
import { CleanUp } from './clean-up.js'
import { describeMachine } from './machine.js'
import { measure } from './measure.js'
import { MODELLED, fitModels } from './model.js'
import { APPS, fitting, readPlan, type AppName, type Series } from './plan.js'
import { ProcessGroup } from './process-group.js'
import { Project, SIDES } from './project.js'
import { report } from './report.js'
import type { Results, Run } from './results.js'
import { runSeries, type Bench } from './series.js'
import { makeSourceTree } from './source-tree.js'
import { startSite } from './site.js'
import { createUsers } from './users.js'

const TASK_ROUNDS = 5

const started = performance.now()
const plan = readPlan()
if (process.getuid?.() !== 0)
  throw new Error('The benchmark creates users and mounts folders: run it as root.')

const interrupted = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
  process.on(signal, () => interrupted.abort(new Error(`${signal} interrupted the benchmark.`)))

const runs: Run[] = []
const skipped: string[] = []
const tasks = { ours: [] as number[], push: [] as number[] }
const archives: Partial<Record<AppName, number>> = {}
let uplink: string | undefined

const cleanUp = new CleanUp()
try {
  const directory = await mkdtemp(join(plan.directory, 'bench-'))
  cleanUp.add(() => rm(directory, { recursive: true, force: true }))
  await chmod(directory, 0o755)
  const users = createUsers(directory, cleanUp)
  const group = ProcessGroup.create(`bench${randomBytes(4).toString('hex')}`)
  cleanUp.add(() => group.remove())

  for (const slowUplink of [false, true])
    for (const app of Object.keys(APPS) as AppName[]) {
      const series = plan.series.filter((each) => each.app === app && each.slowUplink === slowUplink)
      if (series.length > 0) await runAll(series, { directory, users, group })
    }
} catch (error) {
  console.error(`\nThe benchmark failed: ${error instanceof Error ? error.stack : String(error)}`)
  process.exitCode = 1
} finally {
  await cleanUp.run()
}

// Also what was measured before a failure.
if (runs.length > 0) {
  const results: Results = { runs, tasks, archives, skipped, uplink }
  const models = MODELLED.flatMap((query) => fitModels(results, query))
  const complete = process.exitCode === undefined
  const all = { date: new Date(), complete, machine: describeMachine(), ...results, models }
  await mkdir(dirname(plan.json), { recursive: true })
  await writeFile(plan.json, `${JSON.stringify(all, null, 2)}\n`)
  if (!complete) console.log('Incomplete: the benchmark failed.\n')
  console.log(report(results))
  say(`${((performance.now() - started) / 60_000).toFixed(1)} minutes; all figures are in ${plan.json}`)
}

/** Runs series of one app, on the same servers. */
async function runAll(
  all: readonly Series[],
  { directory: parent, users, group }: Pick<Bench, 'users' | 'group'> & { readonly directory: string },
): Promise<void> {
  const [{ app: name, slowUplink }] = all as [Series]
  const servers = Math.max(...all.map((series) => series.servers))
  const end = new CleanUp()
  try {
    const directory = join(parent, slowUplink ? `${name}-uplink` : name)
    say(`Starting ${servers} servers and storage for the ${name} app${slowUplink ? ', slow uplink' : ''}`)
    const site = await startSite({ directory, servers, users, slowUplink, cleanUp: end })
    uplink = site.uplink?.description ?? uplink
    const app = await createSampleApp(join(directory, 'app'))
    // Packed, as a git server's repository is; and not by git in the background, while deploys run.
    await app.git('config', 'gc.auto', '0')
    await makeSourceTree(app.directory, APPS[name])
    await app.commit({}, 'Much')
    await app.git('gc', '--quiet')
    const [ours, push] = await Promise.all(
      SIDES.map((side) => Project.create({ directory: join(directory, side), side, app })),
    )
    const bench = {
      site,
      users,
      app,
      projects: { ours, push } as Bench['projects'],
      group,
      signal: interrupted.signal,
    }
    if (tasks.ours.length === 0) await measureTasks(bench)
    for (const series of all) await runFitting(bench, series)
    archives[name] = await site.largestObject()
  } finally {
    await end.run()
  }
}

async function runFitting(bench: Bench, series: Series): Promise<void> {
  const { app, servers, shell, slowUplink } = series
  const count = servers === 1 ? '1 server' : `${servers} servers`
  const name = `${app} app, ${shell} shell, ${count}${slowUplink ? ', slow uplink' : ''}`
  const deploys = fitting(series)
  const missing = series.deploys.filter((kind) => !deploys.includes(kind))
  if (missing.length > 0) {
    const line = `${name}: ${missing.join(', ')}, for lack of memory`
    say(`Leaving out ${line}`)
    skipped.push(line)
  }
  if (deploys.length > 0)
    await runSeries(
      bench,
      { ...series, deploys },
      {
        rounds: plan.rounds,
        onRun(run) {
          runs.push(run)
          say(`${name}, ${run.deploy}, round ${run.round}, ${run.side}: ${run.seconds.toFixed(2)} s`)
        },
      },
    )
}

/** Measures how long it takes to list the tasks, which is mostly Shipit's start. */
async function measureTasks({ site, projects, group, signal }: Bench): Promise<void> {
  for (let round = 0; round < TASK_ROUNDS; round += 1)
    for (const side of SIDES) {
      const { seconds } = await measure({
        project: projects[side],
        task: side === 'ours' ? 'tasks' : '--tasks',
        env: projects[side].environment(site, site.fleet.servers, site.mountedAt),
        group,
        hosts: [],
        uplink: undefined,
        signal,
      })
      tasks[side].push(seconds)
    }
}

function say(line: string): void {
  console.error(line)
}
