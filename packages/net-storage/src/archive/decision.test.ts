import { expect, it } from 'vitest'
import { decide, type Situation } from './decision.js'
import type { Manifest } from './manifest.js'

const manifest = { revision: 'abc' } as Manifest
const THERE = { manifest }
const ABSENT = { reason: 'storage has no archive of it', absent: true }
const OTHER = { reason: 'the archive in storage does not match', absent: false }
const plain = { pulling: false, reuseArchive: true, rebuild: false }

it.each<[string, Situation, object]>([
  ['reuses a matching archive', { ...plain, found: THERE }, { action: 'reuse', manifest }],
  [
    'builds a missing archive',
    { ...plain, found: ABSENT },
    { action: 'build', reason: ABSENT.reason, replace: false },
  ],
  [
    'replaces an archive that does not match',
    { ...plain, found: OTHER },
    { action: 'build', reason: OTHER.reason, replace: true },
  ],
  [
    'rebuilds with REBUILD=1',
    { ...plain, rebuild: true, found: THERE },
    { action: 'build', reason: 'REBUILD is 1', replace: true },
  ],
  [
    'rebuilds with reuseArchive: false, with or without REBUILD=1',
    { ...plain, reuseArchive: false, rebuild: true, found: THERE },
    { action: 'build', reason: 'netStorage.reuseArchive is false', replace: true },
  ],
  [
    'reports the mismatch rather than reuseArchive: false',
    { ...plain, reuseArchive: false, found: OTHER },
    { action: 'build', reason: OTHER.reason, replace: true },
  ],
  [
    'pulls a matching archive despite reuseArchive: false and REBUILD=1',
    { pulling: true, reuseArchive: false, rebuild: true, found: THERE },
    { action: 'reuse', manifest },
  ],
  [
    'cannot pull a missing archive',
    { ...plain, pulling: true, found: ABSENT },
    { action: 'missing', reason: ABSENT.reason },
  ],
  [
    'cannot pull an archive that cannot be deployed',
    { ...plain, pulling: true, found: OTHER },
    { action: 'missing', reason: OTHER.reason },
  ],
])('%s', (_, situation, decision) => {
  expect(decide(situation)).toEqual(decision)
})
