/** Each kind's colour; white letters are readable on all of them. */
const COLOURS: Readonly<Record<string, string>> = {
  queue: '#66727f',
  connect: '#8059b5',
  check: '#0f8a83',
  fetch: '#2f6fc4',
  verify: '#94720b',
  unpack: '#b9541f',
  link: '#63822b',
  flip: '#c2366f',
  clean: '#2f8a52',
  script: '#86594a',
}

/** The style of a timeline's page, in light, dark and print. */
export const PAGE_STYLE = `
:root { --page: #fff; --text: #1c2430; --soft: #5d6876; --line: #e3e7ec; --task: #4a5868; --bad: #b3261e; --good: #1d7a45 }
@media (prefers-color-scheme: dark) {
  :root { --page: #14181e; --text: #e6eaf0; --soft: #98a3b1; --line: #2b323c; --task: #8a99ab; --bad: #ff8a80; --good: #6fd39a }
}
* { box-sizing: border-box }
body { margin: 0; background: var(--page); color: var(--text); font: 15px/1.5 system-ui, sans-serif }
main { max-width: 1280px; margin: 0 auto; padding: 28px 32px 48px }
h1 { margin: 0; font-size: 25px; line-height: 1.3; overflow-wrap: anywhere }
h2 { margin: 36px 0 8px; font-size: 18px }
header p { margin: 4px 0 0; color: var(--soft); overflow-wrap: anywhere }
.dot { padding: 0 4px }
.result { margin-left: 8px; padding: 2px 10px; border: 1.5px solid; border-radius: 99px; font-size: 14px; font-weight: 600; white-space: nowrap; vertical-align: 3px }
.succeeded { color: var(--good) }
.failed, .bad { color: var(--bad) }
.findings { margin: 18px 0; padding: 0 0 0 20px }
.legend { display: flex; flex-wrap: wrap; gap: 4px 18px; margin: 18px 0 6px; padding: 0; list-style: none; font-size: 14px }
.legend b { display: inline-block; width: 20px; margin-right: 6px; border-radius: 3px; color: #fff; font-size: 12px; line-height: 18px; text-align: center }
.wide { overflow-x: auto }
svg { display: block; width: 100%; min-width: 760px; font: 13px system-ui, sans-serif; fill: var(--text) }
.page { fill: var(--page) }
.tick { stroke: var(--line) }
.heading { font-size: 15px; font-weight: 600 }
.axis { fill: var(--soft); font-size: 12px; text-anchor: middle }
.name { text-anchor: end }
.note { fill: var(--soft); font-size: 12.5px; text-anchor: start; font-variant-numeric: tabular-nums }
.note.bad { fill: var(--bad); font-weight: 600 }
.letter { fill: #fff; font-size: 11px; font-weight: 600; text-anchor: middle; pointer-events: none }
.task { fill: var(--task) }
rect.failed { stroke: var(--bad); stroke-width: 2.5 }
rect.task.failed { fill: var(--bad) }
.row:hover .name { font-weight: 600 }
table { border-collapse: collapse; font-size: 14px; font-variant-numeric: tabular-nums }
th, td { padding: 3px 18px 3px 0; border-bottom: 1px solid var(--line); text-align: left; white-space: nowrap }
thead th { color: var(--soft); font-weight: 500 }
tbody th { font-weight: 500 }
${Object.entries(COLOURS)
  .map(([kind, colour]) => `.${kind} { fill: ${colour}; background: ${colour} }`)
  .join('\n')}
@media print {
  :root { --page: #fff; --text: #000; --soft: #444; --line: #ccc; --task: #4a5868; --bad: #b3261e; --good: #1d7a45 }
  * { -webkit-print-color-adjust: exact; print-color-adjust: exact }
  main { max-width: none; padding: 0 }
  .wide { overflow: visible }
  svg { min-width: 0 }
  tr { break-inside: avoid }
}
`
