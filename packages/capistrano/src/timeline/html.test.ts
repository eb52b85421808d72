import { expect, it } from 'vitest'
import { sampleServer, sampleServers, sampleTimeline } from '../../../../testbed/sample-timeline.js'
import { timelinePage } from './html.js'

it('is one page without scripts that loads nothing, and does not let a browser do so', () => {
  const page = timelinePage(sampleTimeline())
  expect(page).toMatch(/^<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">/)
  expect(page).toContain(`content="default-src 'none'; style-src 'unsafe-inline';`)
  expect(page).not.toMatch(/<script|<link|https?:|url\(|@import|src=|href=/)
})

it('draws tasks and servers, and has the same figures in tables', () => {
  const page = timelinePage(sampleTimeline())
  expect(page).toContain('<title>deploy:update: 2.40 s, from 0.30 s</title>')
  expect(page).toContain('<title>web2: fetch 2.00 s, from 0.31 s</title>')
  expect(page).toContain('<tr><th scope="row">deploy:update</th><td>0.30 s</td><td>2.40 s</td><td></td></tr>')
  expect(page).toContain(
    '<tr><th scope="row">web2</th><td>2.32 s</td><td>0.01 s</td><td>0.10 s</td><td>2.00 s</td><td>0.20 s</td><td>0.02 s</td><td>3</td><td>fetch 2.00 s, median 0.40 s</td></tr>',
  )
})

it('escapes all names', () => {
  const hostile = `<script>alert("1")</script>'&日本\0`
  const failed = { start: 0, ms: 900, failed: true as const }
  const page = timelinePage(
    sampleTimeline({
      environment: hostile,
      user: hostile,
      branch: hostile,
      revision: hostile,
      release: hostile,
      tasks: [{ task: hostile, ...failed }],
      servers: [
        { ...sampleServer(hostile), spans: [{ what: hostile, ...failed }] },
        sampleServer(hostile.repeat(9), 2000),
      ],
    }),
  )
  expect(page).toContain('&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&#39;&amp;日本�')
  expect(page).not.toMatch(/<\/?script|alert\("|\0/)
  // Nothing but the page's own tags is left.
  const tags = new Set([...page.matchAll(/<\/?(\w+)/g)].map(([, tag]) => tag))
  expect([...tags].toSorted()).toEqual(
    'b body div g h1 h2 head header html li line main meta p rect span style svg table tbody td text th thead title tr ul'.split(
      ' ',
    ),
  )
})

it('marks what failed in words as well as in colour', () => {
  const spans = [{ what: 'fetch', start: 0, ms: 900, failed: true as const }]
  const page = timelinePage(
    sampleTimeline({ result: 'failed', servers: [{ ...sampleServer('web1'), spans }] }),
  )
  expect(page).toContain('<span class="result failed">failed after 3.00 s</span>')
  expect(page).toContain('<title>web1: fetch 0.90 s, failed, from 0.00 s</title>')
  expect(page).toContain('0.90 s · fetch failed')
})

it('draws 1,000 servers on a page of usable size, the slowest with their names', () => {
  const page = timelinePage(sampleTimeline({ servers: [...sampleServers(999), sampleServer('slow', 2000)] }))
  const [, height] = /viewBox="0 0 1200 (\d+)/.exec(page) ?? []
  expect(Number(height)).toBeLessThan(3000)
  expect(page.match(/class="name"/g)).toHaveLength(3 + 20)
  expect(page).toMatch(/<text class="name"[^>]*><title>slow</)
  expect(page).toContain('<title>web999: connect 0.10 s, queue 0.01 s, fetch 0.40 s')
  expect(page.length).toBeLessThan(1_500_000)
})

it('shows a run without tasks and servers', () => {
  const page = timelinePage(sampleTimeline({ seconds: 0, tasks: [], servers: [] }))
  expect(page).toContain('0 servers')
  expect(page).not.toContain('NaN')
})
