import { expect, it } from 'vitest'
import { decide, type Situation } from './decision.js'
import type { Manifest } from './manifest.js'

const manifest = { revision: 'abc' } as Manifest
const THERE = { manifest }
const ABSENT = { reason: 'storage has no archive of it', absent: true }
const OTHER = { reason: 'it was built with something else', absent: false }
const plain = { pulling: false, reuseArchive: true, rebuild: false }

it.each<[string, Situation, object]>([
  ['takes what is there', { ...plain, found: THERE }, { action: 'reuse', manifest }],
  [
    'builds what is not there',
    { ...plain, found: ABSENT },
    { action: 'build', reason: ABSENT.reason, replace: false },
  ],
  [
    'builds in the place of what is something else',
    { ...plain, found: OTHER },
    { action: 'build', reason: OTHER.reason, replace: true },
  ],
  [
    'builds anew for a run that says so',
    { ...plain, rebuild: true, found: THERE },
    { action: 'build', reason: 'REBUILD is 1', replace: true },
  ],
  [
    'builds anew where the settings say so, whatever the run says',
    { ...plain, reuseArchive: false, rebuild: true, found: THERE },
    { action: 'build', reason: 'netStorage.reuseArchive is false', replace: true },
  ],
  [
    'says what is wrong with what is there, not that it would not be taken anyway',
    { ...plain, reuseArchive: false, found: OTHER },
    { action: 'build', reason: OTHER.reason, replace: true },
  ],
  [
    'pulls what is there, whatever the settings and the run say',
    { pulling: true, reuseArchive: false, rebuild: true, found: THERE },
    { action: 'reuse', manifest },
  ],
  [
    'has nothing to pull that is not there',
    { ...plain, pulling: true, found: ABSENT },
    { action: 'missing', reason: ABSENT.reason },
  ],
  [
    'has nothing to pull that can not be deployed',
    { ...plain, pulling: true, found: OTHER },
    { action: 'missing', reason: OTHER.reason },
  ],
])('%s', (_, situation, decision) => {
  expect(decide(situation)).toEqual(decision)
})
