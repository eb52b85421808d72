import { expect, it } from 'vitest'
import { sampleServer, sampleServers, sampleTimeline } from '../../../../testbed/sample-timeline.js'
import { figuresOf, percentile } from './figures.js'

it('puts failed servers first, then the slowest', () => {
  const failed = {
    server: 'web4',
    trips: 1,
    spans: [{ what: 'connect', start: 0, ms: 1, failed: true as const }],
  }
  const servers = [...sampleServers(2), sampleServer('web3', 2000), failed]
  const { servers: sorted } = figuresOf(sampleTimeline({ servers }))
  expect(sorted.map(({ server }) => server)).toEqual(['web4', 'web3', 'web1', 'web2'])
  expect(sorted[0]?.failed).toEqual(['connect'])
})

it('says what was slow on a server, compared with most others', () => {
  const { servers } = figuresOf(
    sampleTimeline({ servers: [...sampleServers(2), sampleServer('web3', 2000)] }),
  )
  expect(servers[0]?.slow).toEqual({ what: 'fetch', ms: 2000, median: 400 })
  expect(servers[1]).not.toHaveProperty('slow')
})

it('calls no server slow for a long queue, or for a difference nobody notices', () => {
  const server = (name: string, queue: number, flip: number) => ({
    server: name,
    trips: 1,
    spans: [
      { what: 'queue', start: 0, ms: queue },
      { what: 'flip', start: queue, ms: flip },
    ],
  })
  const { servers } = figuresOf(
    sampleTimeline({ servers: [server('web1', 10, 10), server('web2', 5000, 90)] }),
  )
  expect(servers.filter(({ slow }) => slow)).toEqual([])
})

it('counts time once in which a server did two things, and time in the queue never', () => {
  const spans = [
    { what: 'queue', start: 0, ms: 1000 },
    { what: 'fetch', start: 1000, ms: 500 },
    { what: 'unpack', start: 1200, ms: 400 },
    { what: 'verify', start: 1300, ms: 100 },
    { what: 'flip', start: 2000, ms: 10 },
  ]
  const { servers } = figuresOf(sampleTimeline({ servers: [{ server: 'web1', trips: 1, spans }] }))
  expect(servers[0]?.busy).toBe(610)
})

it('sums up each kind of work, in the order of a deploy', () => {
  const servers = [sampleServer('web1', 2000), ...sampleServers(3).slice(1)]
  const { kinds } = figuresOf(sampleTimeline({ servers }))
  expect(kinds.map(({ what }) => what)).toEqual(['queue', 'connect', 'fetch', 'unpack', 'flip'])
  expect(kinds[2]).toEqual({ what: 'fetch', median: 400, p95: 2000, slowest: 2000, server: 'web1' })
})

it('shows tasks that took 1 % of the run, or failed', () => {
  const tasks = [
    { task: 'quick', start: 0, ms: 29 },
    { task: 'noticed', start: 29, ms: 30 },
    { task: 'failed', start: 59, ms: 1, failed: true as const },
  ]
  const { tasks: shown, quickTasks } = figuresOf(sampleTimeline({ tasks }))
  expect(shown.map(({ task }) => task)).toEqual(['noticed', 'failed'])
  expect(quickTasks.map(({ task }) => task)).toEqual(['quick'])
})

it('lasts at least until the last task or server has ended', () => {
  expect(figuresOf(sampleTimeline({ seconds: 1 })).total).toBe(2750)
  expect(figuresOf(sampleTimeline({ seconds: 0, tasks: [], servers: [] })).total).toBe(1)
})

it('finds percentiles', () => {
  const values = Array.from({ length: 100 }, (_, index) => index + 1)
  expect([percentile(values, 50), percentile(values, 95), percentile([7], 95), percentile([], 50)]).toEqual([
    50, 95, 7, 0,
  ])
})
