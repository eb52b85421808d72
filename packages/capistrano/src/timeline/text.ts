import { counted } from '../counted.js'
import { columns } from '../inspection/columns.js'
import { shownSeconds, tickLabel, ticks } from './axis.js'
import { figuresOf, type Figures } from './figures.js'
import { kindOf, kindsIn } from './kinds.js'
import type { ServerSpan, TimelineRecord, TimelineTask } from './record.js'
import { findings, noteOf, resultOf, shortened, shownTime, titleOf } from './words.js'

/** Up to this number, each server has a line. */
const ALL_SERVERS = 16
/** If there are more, this number of servers has. */
const SLOWEST = 5

const WIDTH = 100
const NARROWEST_BAR = 30
const LONGEST_NAME = 28

/** A line of the picture. */
interface Row {
  readonly name: string
  readonly bar: (width: number) => string
  readonly figure: string
}

/** A timeline as lines for people, for a terminal of about 100 columns. */
export function renderTimeline(record: TimelineRecord): string[] {
  const figures = figuresOf(record)
  const { total, servers } = figures
  const isSummary = servers.length > ALL_SERVERS
  const tasks = figures.tasks.map((task): Row => ({
    name: shortened(task.task, LONGEST_NAME),
    bar: (width) => taskBar(task, width / total, width),
    figure: shownSeconds(task.ms) + (task.failed ? '  failed' : ''),
  }))
  const shown = (isSummary ? servers.slice(0, SLOWEST) : servers).map((server): Row => ({
    name: shortened(server.server, LONGEST_NAME),
    bar: (width) => serverBar(server.spans, width / total, width),
    figure: `${shownSeconds(server.busy)}  ${noteOf(server)}`.trimEnd(),
  }))
  const draw = drawing([...tasks, ...shown], total)
  const sections = [
    [...(tasks.length > 0 ? draw('Tasks', tasks, 'took') : []), ...quickTasks(figures)],
    shown.length > 0
      ? [...draw(isSummary ? 'Slowest' : 'Servers', shown, 'at work'), `  ${legend(figures)}`]
      : [],
    isSummary ? [`What took how long on ${servers.length} servers:`, ...summary(figures)] : [],
  ]
  return [
    `${titleOf(record)} by ${record.user}, ${shownTime(record.startedAt)}: ${resultOf(record)}`,
    ...findings(figures),
    ...sections.flatMap((lines) => (lines.length > 0 ? ['', ...lines] : [])),
  ].map(withoutControls)
}

/** Draws sections of rows along the same time axis. */
function drawing(
  rows: readonly Row[],
  total: number,
): (title: string, section: readonly Row[], figure: string) => string[] {
  const widest = (texts: readonly string[]): number => Math.max(8, ...texts.map((text) => text.length))
  const names = widest(rows.map(({ name }) => name))
  const figures = widest(rows.map(({ figure }) => figure))
  const bar = Math.max(NARROWEST_BAR, WIDTH - names - figures - 6)
  return (title, section, figure) => [
    `${title.padEnd(names + 4)}${axis(total, bar).padEnd(bar)}  ${figure}`,
    ...section.map((row) =>
      `  ${row.name.padEnd(names)}  ${row.bar(bar).padEnd(bar)}  ${row.figure}`.trimEnd(),
    ),
  ]
}

function axis(total: number, width: number): string {
  return ticks(total, 5).reduce((line, tick) => {
    const column = Math.floor((tick / total) * width)
    const label = tickLabel(tick)
    return column + label.length > width ? line : line.padEnd(column) + label
  }, '')
}

function taskBar({ start, ms }: TimelineTask, scale: number, width: number): string {
  const from = Math.min(Math.floor(start * scale), width - 1)
  const to = Math.min(width, Math.max(from + 1, Math.round((start + ms) * scale)))
  return ' '.repeat(from) + '█'.repeat(to - from)
}

/** In each column the letter of what took most of it; `!` where something failed. */
function serverBar(spans: readonly ServerSpan[], scale: number, width: number): string {
  const cells = Array.from({ length: width }, () => ({ letter: ' ', share: 0 }))
  for (const { what, start, ms, failed } of spans) {
    const from = start * scale
    const to = (start + ms) * scale
    const last = Math.min(width - 1, Math.max(Math.floor(from), Math.ceil(to) - 1))
    for (let index = Math.min(width - 1, Math.floor(from)); index <= last; index++) {
      const share = Math.min(to, index + 1) - Math.max(from, index)
      const cell = { letter: kindOf(what).letter, share }
      if (failed && index === last) cells[index] = { letter: '!', share: Infinity }
      else if (share >= (cells[index]?.share ?? 0)) cells[index] = cell
    }
  }
  return cells.map(({ letter }) => letter).join('')
}

function quickTasks({ quickTasks: tasks }: Figures): string[] {
  if (tasks.length === 0) return []
  const ms = tasks.reduce((sum, task) => sum + task.ms, 0)
  return [`  ${counted(tasks.length, 'other task')} took ${shownSeconds(ms)} together.`]
}

function legend({ kinds, servers }: Figures): string {
  const letters = kindsIn(kinds.map(({ what }) => what)).map(({ letter, name }) => `${letter} ${name}`)
  const failed = servers.some((server) => server.failed.length > 0) ? ['! failed'] : []
  return [...letters, ...failed].join('   ')
}

function summary({ kinds }: Figures): string[] {
  const rows = kinds.map(({ what, median, p95, slowest, server }) => [
    what,
    shownSeconds(median),
    shownSeconds(p95),
    shownSeconds(slowest),
    `on ${shortened(server, LONGEST_NAME)}`,
  ])
  return columns([['', 'median', '95 %', 'slowest', ''], ...rows]).map((line) => `  ${line}`.trimEnd())
}

/** Control characters would move a terminal's cursor. */
function withoutControls(line: string): string {
  return line.replaceAll(/\p{Cc}/gu, '?')
}
