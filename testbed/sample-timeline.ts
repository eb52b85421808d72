import type { ServerSpan, ServerTimeline, TimelineRecord } from 'shipit-capistrano'

/** A pull deploy to 2 servers, of which `web2` fetches slowly. */
export function sampleTimeline(changes: Partial<TimelineRecord> = {}): TimelineRecord {
  return {
    version: 1,
    environment: 'production',
    kind: 'deploy',
    user: 'alice',
    startedAt: '2026-11-25T14:03:12.123Z',
    seconds: 3,
    result: 'succeeded',
    branch: 'main',
    revision: '4f2a9c01d37be1f8a60c52b9d1e4f7a3c8b6d250',
    release: '20261125140312',
    tasks: [
      { task: 'deploy:init', start: 0, ms: 2 },
      { task: 'deploy:check', start: 2, ms: 298 },
      { task: 'deploy:update', start: 300, ms: 2400 },
      { task: 'deploy:publish', start: 2700, ms: 50 },
    ],
    servers: [sampleServer('web1'), sampleServer('web2', 2000)],
    ...changes,
  }
}

/** A server's part in it. @param fetch milliseconds */
export function sampleServer(server: string, fetch = 400): ServerTimeline {
  const spans: ServerSpan[] = [
    { what: 'connect', start: 10, ms: 100 },
    { what: 'queue', start: 300, ms: 10 },
    { what: 'fetch', start: 310, ms: fetch },
    { what: 'unpack', start: 310 + fetch, ms: 200 },
    { what: 'flip', start: 2700, ms: 20 },
  ]
  return { server, trips: 3, spans }
}

/** Servers `web1` to `web<count>`, all alike. */
export function sampleServers(count: number): ServerTimeline[] {
  return Array.from({ length: count }, (_, index) => sampleServer(`web${index + 1}`))
}
