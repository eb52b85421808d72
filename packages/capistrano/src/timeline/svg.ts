import { counted } from '../counted.js'
import { shownSeconds, tickLabel, ticks } from './axis.js'
import { escapeHtml } from './escape-html.js'
import type { Figures, MeasuredServer } from './figures.js'
import { kindOf, kindsIn } from './kinds.js'
import type { ServerSpan, TimelineTask } from './record.js'
import { noteOf, shortened } from './words.js'

/** Up to this number, each server has a row with its name. */
const ALL_SERVERS = 50
/** If there are more, this number of the slowest servers has; the others have thin rows. */
const SLOWEST = 20

/** Sizes in the picture's own units. */
const WIDTH = 1200
const NAMES = 200
const NOTES = 300
const BAR = WIDTH - NAMES - NOTES
const ROW = 22
const HEADING = 34
/** Height of all thin rows together, if that leaves each at least 2. */
const THIN = 1000
/** A narrower segment has no room for its letter. */
const LETTER = 13
/** A segment is at least as wide, to be seen. */
const NARROWEST = 1.5
const LONGEST_NAME = 28
const LONGEST_NOTE = 44

/** Part of the picture, and the height that it takes. */
interface Part {
  readonly svg: string
  readonly height: number
}

type Draw = (top: number) => Part

/** Tasks and servers along one time axis, as an inline SVG. */
export function picture(figures: Figures): string {
  const { total, tasks, servers } = figures
  const named = servers.length > ALL_SERVERS ? servers.slice(0, SLOWEST) : servers
  const others = servers.slice(named.length)
  const thin = Math.min(12, Math.max(2, THIN / Math.max(1, others.length)))
  const scale = BAR / total
  const parts: Draw[] = [
    heading('Tasks', 'took', figures),
    ...tasks.map((task) => taskRow(task, scale)),
    ...(servers.length === 0
      ? []
      : [heading(others.length > 0 ? `${named.length} slowest servers` : 'Servers', 'at work', figures)]),
    ...named.map((server) => serverRow(server, scale)),
    ...(others.length === 0 ? [] : [heading(counted(others.length, 'other server'), '', figures)]),
    ...others.map((server) => thinRow(server, scale, thin)),
  ]
  let height = 0
  const drawn = parts.map((draw) => {
    const part = draw(height)
    height += part.height
    return part.svg
  })
  const lines = ticks(total, 8).map((tick) => {
    const x = shown(NAMES + tick * scale)
    return `<line class="tick" x1="${x}" x2="${x}" y1="20" y2="${shown(height)}"/>`
  })
  const label = 'What took how long, along one time axis; the tables below have the same figures.'
  return `<svg viewBox="0 0 ${WIDTH} ${shown(height + 4)}" role="img" aria-label="${label}">
${[...lines, ...drawn].join('\n')}
</svg>`
}

/** The kinds that occur, with their colours and letters. */
export function legend({ kinds }: Figures): string {
  const items = kindsIn(kinds.map(({ what }) => what)).map(
    ({ name, letter }) => `<li><b class="${name}">${letter}</b>${name}</li>`,
  )
  return items.length === 0 ? '' : `<ul class="legend">\n${items.join('\n')}\n</ul>`
}

function heading(title: string, figure: string, { total }: Figures): Draw {
  return (top) => {
    const y = shown(top + HEADING - 10)
    const labels = ticks(total, 8)
      .map((tick) => ({ x: NAMES + (tick / total) * BAR, label: tickLabel(tick) }))
      .map(({ x, label }) => `<text class="axis" x="${shown(x)}" y="${y}">${label}</text>`)
    const svg = `<rect class="page" x="0" y="${shown(top)}" width="${WIDTH}" height="${HEADING - 4}"/>
<text class="heading" x="0" y="${y}">${title}</text>${labels.join('')}<text class="axis note" x="${WIDTH - NOTES + 12}" y="${y}">${figure}</text>`
    return { svg, height: HEADING }
  }
}

function taskRow({ task, start, ms, failed }: TimelineTask, scale: number): Draw {
  return (top) => {
    const took = shownSeconds(ms) + (failed ? ', failed' : '')
    const svg = `<g class="row">${nameText(task, top)}${segment({
      kind: failed ? 'task failed' : 'task',
      x: NAMES + start * scale,
      width: ms * scale,
      top: top + 3,
      height: ROW - 6,
      title: `${task}: ${took}, from ${shownSeconds(start)}`,
    })}${noteText(took, top, failed ? 'bad' : '')}</g>`
    return { svg, height: ROW }
  }
}

function serverRow(server: MeasuredServer, scale: number): Draw {
  return (top) => {
    const segments = server.spans.map((span) =>
      segment({
        ...placed(span, scale),
        top: top + 3,
        height: ROW - 6,
        letter: kindOf(span.what).letter,
        title: `${server.server}: ${described(span)}, from ${shownSeconds(span.start)}`,
      }),
    )
    const remark = noteOf(server)
    const figure = [shownSeconds(server.busy), ...(remark ? [remark] : [])].join(' · ')
    const svg = `<g class="row">${nameText(server.server, top)}${segments.join('')}${noteText(figure, top, remark ? 'bad' : '')}</g>`
    return { svg, height: ROW }
  }
}

/** Without a name; a tooltip has everything. */
function thinRow(server: MeasuredServer, scale: number, height: number): Draw {
  return (top) => {
    const segments = server.spans.map((span) =>
      segment({ ...placed(span, scale), top, height: height * 0.85 }),
    )
    const title = escapeHtml(`${server.server}: ${server.spans.map(described).join(', ')}`)
    return { svg: `<g><title>${title}</title>${segments.join('')}</g>`, height }
  }
}

function placed({ what, start, ms, failed }: ServerSpan, scale: number) {
  return {
    kind: kindOf(what).name + (failed ? ' failed' : ''),
    x: NAMES + start * scale,
    width: ms * scale,
  }
}

function described({ what, ms, failed }: ServerSpan): string {
  return `${what} ${shownSeconds(ms)}${failed ? ', failed' : ''}`
}

interface Segment {
  /** CSS classes. */
  readonly kind: string
  readonly x: number
  readonly width: number
  readonly top: number
  readonly height: number
  readonly letter?: string
  readonly title?: string
}

function segment({ kind, x, width, top, height, letter, title }: Segment): string {
  const wide = Math.max(NARROWEST, width)
  const tooltip = title === undefined ? '' : `<title>${escapeHtml(title)}</title>`
  const rect = `<rect class="${kind}" x="${shown(x)}" y="${shown(top)}" width="${shown(wide)}" height="${shown(height)}"`
  const box = tooltip === '' ? `${rect}/>` : `${rect}>${tooltip}</rect>`
  if (letter === undefined || wide < LETTER) return box
  return `${box}<text class="letter" x="${shown(x + wide / 2)}" y="${shown(top + height / 2 + 4)}">${letter}</text>`
}

function nameText(text: string, top: number): string {
  return `<text class="name" x="${NAMES - 10}" y="${shown(top + ROW / 2 + 4)}"><title>${escapeHtml(text)}</title>${escapeHtml(shortened(text, LONGEST_NAME))}</text>`
}

function noteText(text: string, top: number, kind: string): string {
  return `<text class="note ${kind}" x="${WIDTH - NOTES + 12}" y="${shown(top + ROW / 2 + 4)}">${escapeHtml(shortened(text, LONGEST_NOTE))}</text>`
}

/** A number with at most one decimal: a page of 1,000 servers has many. */
function shown(value: number): string {
  return String(Math.round(value * 10) / 10)
}
