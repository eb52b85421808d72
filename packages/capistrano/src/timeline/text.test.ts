import { expect, it } from 'vitest'
import { sampleServer, sampleServers, sampleTimeline } from '../../../../testbed/sample-timeline.js'
import { renderTimeline } from './text.js'

it('shows tasks and servers along one time axis, and names what was slow', () => {
  expect(renderTimeline(sampleTimeline())).toMatchInlineSnapshot(`
    [
      "Deploy of main to production by alice, 2026-11-25 14:03:12 UTC: succeeded in 3.00 s",
      "Longest task: deploy:update, 2.40 s of 3.00 s.",
      "Slower than most servers: web2 (fetch 2.00 s, median 0.40 s).",
      "",
      "Tasks             0 s            1 s            2 s              took",
      "  deploy:check    █████                                          0.30 s",
      "  deploy:update       █████████████████████████████████████      2.40 s",
      "  deploy:publish                                          █      0.05 s",
      "  1 other task took <0.01 s together.",
      "",
      "Servers           0 s            1 s            2 s              at work",
      "  web2            cc  fffffffffffffffffffffffffffffffuuu  p      2.32 s  fetch 2.00 s, median 0.40 s",
      "  web1            cc  fffffffuuu                          p      0.72 s",
      "  q queue   c connect   f fetch   u unpack   p flip",
    ]
  `)
})

it('marks what failed', () => {
  const web2 = {
    server: 'web2',
    trips: 1,
    spans: [{ what: 'fetch', start: 300, ms: 900, failed: true as const }],
  }
  const record = sampleTimeline({
    result: 'failed',
    seconds: 1.2,
    tasks: [{ task: 'deploy:update', start: 300, ms: 900, failed: true }],
    servers: [sampleServer('web1'), web2],
  })
  const lines = renderTimeline(record)
  expect(lines[0]).toMatch(/: failed after 1\.20 s$/)
  expect(lines).toContain('Failed: deploy:update.')
  expect(lines).toContain('Failed on 1 server: web2 (fetch).')
  expect(lines.find((line) => line.startsWith('  deploy:update'))).toMatch(/█ +0\.90 s {2}failed$/)
  expect(lines.find((line) => line.startsWith('  web2'))).toMatch(/f! +0\.90 s {2}fetch failed$/)
})

it('sums up more than 16 servers, and draws the slowest', () => {
  const servers = [...sampleServers(999), sampleServer('slow', 2000)]
  const lines = renderTimeline(sampleTimeline({ servers }))
  expect(lines).toContain('Slower than most servers: slow (fetch 2.00 s, median 0.40 s).')
  expect(lines.filter((line) => line.startsWith('  web'))).toHaveLength(4)
  expect(lines.slice(lines.indexOf('What took how long on 1000 servers:') + 1)).toEqual([
    '           median  95 %    slowest',
    '  queue    0.01 s  0.01 s  0.01 s   on slow',
    '  connect  0.10 s  0.10 s  0.10 s   on slow',
    '  fetch    0.40 s  0.40 s  2.00 s   on slow',
    '  unpack   0.20 s  0.20 s  0.20 s   on slow',
    '  flip     0.02 s  0.02 s  0.02 s   on slow',
  ])
})

it('fits into 100 columns with the longest names', () => {
  const servers = [sampleServer('s'.repeat(80), 2000), ...sampleServers(2)]
  const tasks = [{ task: 't'.repeat(80), start: 0, ms: 3000 }]
  const drawn = renderTimeline(sampleTimeline({ tasks, servers })).filter((line) => /^ {2}[st]{9}/.test(line))
  expect(drawn).toHaveLength(2)
  expect(Math.max(...drawn.map((line) => line.length))).toBeLessThanOrEqual(100)
})

it('shows a run without servers, and one that took no time', () => {
  expect(renderTimeline(sampleTimeline({ servers: [] })).join('\n')).not.toContain('Servers')
  const empty = sampleTimeline({ kind: 'other', seconds: 0, tasks: [], servers: [] })
  expect(renderTimeline(empty)).toEqual([
    'Run on production by alice, 2026-11-25 14:03:12 UTC: succeeded in 0.00 s',
  ])
})

it.each([
  [{ kind: 'rollback' }, 'Rollback of production to 20261125140312 by'],
  [{ kind: 'rollback', release: null }, 'Rollback of production by'],
  [{ kind: 'pull' }, 'Deploy of main to production, from storage by'],
  [{ branch: null }, 'Deploy of an unknown branch to production by'],
] as const)('says what ran: %j', (changes, start) => {
  expect(renderTimeline(sampleTimeline(changes))[0]).toMatch(new RegExp(`^${start}`))
})

it("never moves the terminal's cursor", () => {
  const lines = renderTimeline(sampleTimeline({ servers: [sampleServer('web\x1b[2J1')] }))
  expect(lines.join('')).not.toMatch(/\p{Cc}/u)
})
