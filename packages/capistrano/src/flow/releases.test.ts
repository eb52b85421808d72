import { expect, it } from 'vitest'
import { releaseName, rollbackTarget, serverReleases } from './releases.js'

/** A server whose releases went live in this order, and that also has some that never did. */
const server = (wentLive: string, never: readonly string[] = []) => {
  const live = wentLive.split(' ')
  return serverReleases({
    current: live.slice(-1),
    live,
    release: [...new Set([...live, ...never])].map((each) => (each.includes(' ') ? each : `${each} abc`)),
  })
}

it('names a release after the time, in UTC', () => {
  expect(releaseName(new Date('2026-11-23T20:15:30.123Z'))).toBe('20261123201530')
})

it('names a release later than all existing ones, even if a clock was wrong', () => {
  expect(releaseName(new Date('2026-11-23T20:15:30Z'), ['20261123201530', '20270101235959'])).toBe(
    '20270102000000',
  )
})

it.each([
  ['the previously live release', '1 2 3', '2'],
  ['no release that never went live', '1 4', '1'],
  ['two releases before, the second time', '1 2 3 2', '1'],
  ['what was live before a deploy that followed two rollbacks', '1 2 3 2 1 4', '1'],
  ['the one before, when the same release went live again', '1 2 2', '1'],
])('rolls back to %s', (_, wentLive, expected) => {
  const target = rollbackTarget([server(wentLive, ['0', '2', '3'])], undefined)
  expect(target).toMatchObject({ release: { name: expected }, wasLive: true, missing: [] })
})

it('rolls back from the newest live release when servers differ', () => {
  expect(rollbackTarget([server('1 2 3'), server('1 2')], undefined)).toMatchObject({
    release: { name: '2' },
    from: { name: '3', revision: 'abc' },
  })
})

it('lists the servers that lack the release', () => {
  const servers = [server('1 2 3'), server('3'), server('1 2 3'), serverReleases({})]
  expect(rollbackTarget(servers, undefined)).toMatchObject({ release: { name: '2' }, missing: [1, 3] })
})

it('takes the requested release, and reports if it was never live', () => {
  expect(rollbackTarget([server('1 3', ['2'])], '2')).toMatchObject({
    release: { name: '2' },
    wasLive: false,
  })
  expect(rollbackTarget([server('1 2 3')], '1')).toMatchObject({ release: { name: '1' }, wasLive: true })
  expect(rollbackTarget([server('1 3', ['2 '])], '2')).toEqual({
    reason: 'no server has a complete release 2; available: 1, 3',
  })
})

it('reports when there is nothing to roll back to', () => {
  expect(rollbackTarget([server('1', ['0'])], undefined)).toEqual({
    reason: 'no server has a release that was live before 1',
  })
  expect(rollbackTarget([serverReleases({})], undefined)).toEqual({
    reason: 'no server has a current release',
  })
})

it('accepts releases without REVISION where the live one has none', () => {
  const facts = { current: ['2'], live: ['1', '2'], release: ['1 ', '2 '] }
  expect(rollbackTarget([serverReleases(facts)], undefined)).toMatchObject({ release: { name: '1' } })
})
