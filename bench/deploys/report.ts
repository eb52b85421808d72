import { ASSUMPTIONS, MODELLED, fitModels, type Model } from './model.js'
import { DEPLOYS } from './plan.js'
import { medianOf, select, distinct, type Query, type Results, type Run } from './results.js'
import { median } from './statistics.js'

const DEPLOY_NAMES = { first: 'first', same: 'same again', new: 'new commit' } as const

/** The results in Markdown. */
export function report(results: Results): string {
  return [
    runsTable(results.runs),
    ratios(results),
    ...modelTables(results),
    results.uplink && `Slow uplink: ${results.uplink}.\n`,
    results.skipped.length > 0 && `Left out:\n\n${results.skipped.map((line) => `- ${line}\n`).join('')}`,
  ]
    .filter(Boolean)
    .join('\n')
}

function runsTable(runs: readonly Run[]): string {
  const rows = distinct(runs, 'slowUplink').flatMap((slowUplink) =>
    distinct(runs, 'app').flatMap((app) =>
      distinct(runs, 'shell').flatMap((shell) =>
        distinct(runs, 'servers').flatMap((servers) =>
          DEPLOYS.flatMap((deploy) => row(select(runs, { slowUplink, app, shell, servers, deploy }))),
        ),
      ),
    ),
  )
  return table(
    [
      'app',
      'shell',
      'servers',
      'deploy',
      'ours, s',
      'push, s',
      'ours / push',
      'sessions a server',
      'connections a server',
      'round trips',
      'CPU, s',
      'peak of node, MB',
      'peak of all, MB',
      'sent, MB',
    ],
    rows,
  )
}

function row(runs: readonly Run[]): string[][] {
  const [run] = runs
  if (!run) return []
  const [ours, push] = [select(runs, { side: 'ours' }), select(runs, { side: 'push' })]
  const both = (cost: 'sessions' | 'connections' | 'cpuSeconds', digits: number): string =>
    `${fixed(medianOf(ours, cost), digits)} / ${fixed(medianOf(push, cost), digits)}`
  const megabytes = (cost: 'nodeBytes' | 'processesBytes' | 'bytes'): string =>
    [ours, push].map((side) => fixed(medianOf(side, cost) / 1e6, cost === 'bytes' ? 2 : 0)).join(' / ')
  return [
    [
      run.app,
      run.slowUplink ? `${run.shell}, slow uplink` : run.shell,
      String(run.servers),
      DEPLOY_NAMES[run.deploy],
      spread(ours.map(({ seconds }) => seconds)),
      spread(push.map(({ seconds }) => seconds)),
      fixed(medianOf(ours, 'seconds') / medianOf(push, 'seconds'), 2),
      both('sessions', 1),
      both('connections', 1),
      fixed(medianOf(ours, 'trips'), 0),
      both('cpuSeconds', 2),
      megabytes('nodeBytes'),
      megabytes('processesBytes'),
      run.slowUplink ? megabytes('bytes') : '–',
    ],
  ]
}

/** The figures to compare versions by. */
function ratios({ runs, tasks }: Results): string {
  const near = { slowUplink: false, shell: 'plain' } as const
  const ratio = (query: Query): string => {
    const seconds = (side: Run['side']): number => medianOf(select(runs, { ...query, side }), 'seconds')
    return fixed(seconds('ours') / seconds('push'), 2)
  }
  const small = { ...near, app: 'small', servers: 16, deploy: 'new' } as const
  const large = { ...near, app: 'large', servers: 4 } as const
  const cost = (side: Run['side'], servers: number): number =>
    medianOf(select(runs, { ...small, servers, side }), 'cpuSeconds')
  const cpu = (side: Run['side']): string => fixed((cost(side, 16) - cost(side, 1)) / 15, 3)
  const ours = select(runs, { ...small, side: 'ours' })
  return table(
    ['figure', 'value'],
    [
      ['ours / push: small app, 1 server, new commit', ratio({ ...small, servers: 1 })],
      ['ours / push: small app, 16 servers, new commit', ratio(small)],
      ['ours / push: small app, 16 servers, new commit, slow shell', ratio({ ...small, shell: 'slow' })],
      ['ours / push: small app, 16 servers, first', ratio({ ...small, deploy: 'first' })],
      ['ours / push: large app, 4 servers, first', ratio({ ...large, deploy: 'first' })],
      ['ours / push: large app, 4 servers, same again', ratio({ ...large, deploy: 'same' })],
      [
        'ours / push: large app, 16 servers, first, slow uplink',
        ratio({ ...large, servers: 16, deploy: 'first', slowUplink: true }),
      ],
      ['ssh sessions a server (small, 16 servers, new commit)', fixed(medianOf(ours, 'sessions'), 1)],
      ['round trips (the same)', fixed(medianOf(ours, 'trips'), 0)],
      [
        'CPU of the deploy machine a server, s: (16 servers − 1 server) / 15',
        `${cpu('ours')}; push ${cpu('push')}`,
      ],
      [
        '`shipit production tasks`, s',
        `${fixed(median(tasks.ours), 2)}; push, \`--tasks\`: ${fixed(median(tasks.push), 2)}`,
      ],
    ],
  )
}

function modelTables(results: Results): string[] {
  return MODELLED.flatMap((query) => {
    const fitted = fitModels(results, query)
    return fitted.length > 0 ? [modelTable(fitted)] : []
  })
}

function modelTable(models: readonly Model[]): string {
  const { servers, cores, uplink, storage, atATime } = ASSUMPTIONS
  const line = ({ base, slope }: Model['wall'], digits: number): string =>
    `${fixed(base, digits)} + n · ${fixed(slope, 3)}`
  const counts = models[0]?.points.map((point) => point.servers) ?? []
  const { app, deploy = 'first' } = models[0]?.query ?? {}
  const rows = models.map((model) => [
    `${model.side}, ${app} app, ${DEPLOY_NAMES[deploy]}`,
    line(model.wall, 2),
    line(model.cpu, 2),
    ...model.points.map(
      ({ servers: n, seconds, cpuSeconds }) =>
        `${fixed(model.wall.base + n * model.wall.slope, 1)} / ${fixed(seconds, 1)}; ` +
        `${fixed(model.cpu.base + n * model.cpu.slope, 1)} / ${fixed(cpuSeconds, 1)}`,
    ),
    fixed(model.serverSeconds, 2),
    `${fixed(model.predicted, 0)}${model.bytes ? '' : ', without its transfers, which were not measured'}`,
  ])
  const head = [
    'model',
    'wall, s',
    'CPU of the deploy machine, s',
    ...counts.map((count) => `${count}: wall fitted / measured; CPU`),
    'CPU a server elsewhere, s',
    `${servers} servers, s`,
  ]
  const assumed = [
    `a deploy machine with ${cores} cores and ${uplink / 1e6} MB/s`,
    `storage with ${storage / 1e6} MB/s`,
    `${atATime} servers at a time`,
  ]
  return `${table(head, rows)}\nThe prediction assumes ${assumed.join(', ')}.\n`
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |\n`
  return line(head) + line(head.map(() => '---')) + rows.map(line).join('')
}

/** Median, and minimum to maximum. */
function spread(values: readonly number[]): string {
  if (values.length === 0) return '–'
  const range = [Math.min(...values), Math.max(...values)].map((value) => fixed(value, 2)).join('–')
  return values.length > 1 ? `${fixed(median(values), 2)} (${range})` : fixed(median(values), 2)
}

function fixed(value: number, digits: number): string {
  return Number.isFinite(value) ? value.toFixed(digits) : '–'
}
