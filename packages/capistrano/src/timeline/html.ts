import { counted } from '../counted.js'
import { shownSeconds } from './axis.js'
import { escapeHtml } from './escape-html.js'
import { figuresOf, type Figures } from './figures.js'
import { PAGE_STYLE } from './html-style.js'
import type { TimelineRecord, TimelineTask } from './record.js'
import { legend, picture } from './svg.js'
import { findings, noteOf, resultOf, shownTime, titleOf } from './words.js'

/**
 * A timeline as one HTML page, which needs nothing else: it has no scripts, and its policy keeps a browser from loading
 * anything.
 */
export function timelinePage(record: TimelineRecord): string {
  const figures = figuresOf(record)
  const title = escapeHtml(titleOf(record))
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}, ${shownTime(record.startedAt)}</title>
<style>${PAGE_STYLE}</style>
</head>
<body>
<main>
<header>
<h1>${title} <span class="result ${record.result}">${escapeHtml(resultOf(record))}</span></h1>
<p>${facts(record).map(escapeHtml).join(' <span class="dot">·</span> ')}</p>
</header>
<ul class="findings">
${findings(figures)
  .map((finding) => `<li>${escapeHtml(finding)}</li>`)
  .join('\n')}
</ul>
${legend(figures)}
<div class="wide">
${picture(figures)}
</div>
${kindTable(figures)}
${taskTable(record.tasks)}
${serverTable(figures)}
</main>
</body>
</html>
`
}

function facts({ user, startedAt, revision, release, servers }: TimelineRecord): string[] {
  return [
    `by ${user}`,
    shownTime(startedAt),
    ...(revision === null ? [] : [`revision ${revision.slice(0, 12)}`]),
    ...(release === null ? [] : [`release ${release}`]),
    counted(servers.length, 'server'),
  ]
}

function kindTable({ kinds }: Figures): string {
  const rows = kinds.map(({ what, median, p95, slowest, server }) => [
    what,
    shownSeconds(median),
    shownSeconds(p95),
    shownSeconds(slowest),
    server,
  ])
  return table('What took how long on servers', ['', 'median', '95 %', 'slowest', 'on'], rows)
}

function taskTable(tasks: readonly TimelineTask[]): string {
  const rows = tasks.map(({ task, start, ms, failed }) => [
    task,
    shownSeconds(start),
    shownSeconds(ms),
    failed ? 'failed' : '',
  ])
  return table('Tasks', ['', 'began at', 'took', ''], rows)
}

function serverTable({ servers, kinds }: Figures): string {
  const whats = kinds.map(({ what }) => what)
  const rows = servers.map((server) => [
    server.server,
    shownSeconds(server.busy),
    ...whats.map((what) => {
      const ms = server.took.get(what)
      return ms === undefined ? '–' : shownSeconds(ms)
    }),
    String(server.trips),
    noteOf(server),
  ])
  return table('Servers', ['', 'at work', ...whats, 'trips', ''], rows)
}

/** The first column names the row. */
function table(caption: string, titles: readonly string[], rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return ''
  const head = titles.map((title) =>
    title === '' ? '<td></td>' : `<th scope="col">${escapeHtml(title)}</th>`,
  )
  const body = rows.map(([name = '', ...cells]) => {
    const shown = cells.map((cell) => `<td>${escapeHtml(cell)}</td>`).join('')
    return `<tr><th scope="row">${escapeHtml(name)}</th>${shown}</tr>`
  })
  return `<h2>${escapeHtml(caption)}</h2>
<div class="wide"><table>
<thead><tr>${head.join('')}</tr></thead>
<tbody>
${body.join('\n')}
</tbody>
</table></div>`
}
