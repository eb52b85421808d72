import { expect, it } from 'vitest'
import { sampleTimeline } from '../../../../testbed/sample-timeline.js'
import { parseTimeline } from './record.js'

it('reads what was written, and ignores what a later minor version adds', () => {
  const record = sampleTimeline({ tasks: [{ task: 'deploy', start: 0, ms: 3, failed: true }] })
  expect(parseTimeline(JSON.stringify({ ...record, machine: 'build1' }))).toEqual(record)
})

it.each([
  ['no JSON', '{'],
  ['something else', '[]'],
  ['another version', JSON.stringify({ ...sampleTimeline(), version: 2 })],
  ['no time', JSON.stringify({ ...sampleTimeline(), startedAt: 'yesterday' })],
  ['a negative time', JSON.stringify({ ...sampleTimeline(), tasks: [{ task: 'a', start: 0, ms: -1 }] })],
])('does not read %s', (_, text) => {
  expect(parseTimeline(text)).toBeUndefined()
})
