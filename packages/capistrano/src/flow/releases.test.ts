import { expect, it } from 'vitest'
import { releaseName, rollbackTarget, serverReleases } from './releases.js'

const server = (current: string, ...releases: string[]) =>
  serverReleases({
    current: [current],
    release: releases.map((each) => (each.includes(' ') ? each : `${each} abc`)),
  })

it('names a release after the time, in UTC', () => {
  expect(releaseName(new Date('2026-11-23T20:15:30.123Z'))).toBe('20261123201530')
})

it('names a release later than all that are there, also when a clock was wrong', () => {
  expect(releaseName(new Date('2026-11-23T20:15:30Z'), ['20261123201530', '20270101235959'])).toBe(
    '20270102000000',
  )
})

it('goes back to the newest finished release that every server has', () => {
  const servers = [server('3', '1', '2', '3'), server('3', '1', '3'), server('3', '0', '1', '2 ', '3')]
  expect(rollbackTarget(servers, undefined)).toEqual({ release: { name: '1', revision: 'abc' } })
})

it('goes back to what the slowest server has when servers differ', () => {
  expect(rollbackTarget([server('3', '2', '3'), server('2', '2', '3')], undefined)).toMatchObject({
    release: { name: '2' },
  })
})

it('takes the release that was asked for, if every server has it', () => {
  const servers = [server('3', '1', '2', '3'), server('3', '1', '3')]
  expect(rollbackTarget(servers, '1')).toMatchObject({ release: { name: '1' } })
  expect(rollbackTarget(servers, '2')).toMatchObject({
    reason: expect.stringContaining('not every server has release 2'),
  })
})

it('says when there is nothing to go back to', () => {
  expect(rollbackTarget([server('1', '1')], undefined)).toMatchObject({
    reason: expect.stringContaining('older than 1'),
  })
  expect(rollbackTarget([serverReleases({})], undefined)).toMatchObject({
    reason: 'no server has a current release',
  })
})

it('accepts releases without REVISION where the live one has none', () => {
  expect(rollbackTarget([server('2', '1 ', '2 ')], undefined)).toMatchObject({ release: { name: '1' } })
})
