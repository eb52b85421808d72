import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { createShipit } from '../../../../testbed/shipit-instance.js'
import { sampleTimeline } from '../../../../testbed/sample-timeline.js'
import capistrano from '../index.js'
import { timelinePage } from '../timeline/html.js'
import { TimelineStore } from '../timeline/store.js'
import { defineTimeline } from './timeline.js'

let folder: string
let store: TimelineStore
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'timeline-'))
  store = new TimelineStore(folder)
})
afterEach(async () => {
  vi.unstubAllEnvs()
  await rm(folder, { recursive: true })
})

/** Runs `deploy:timeline` in the environment `test`. */
async function timeline(env: NodeJS.ProcessEnv = {}, kept: TimelineStore | undefined = store) {
  for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value)
  const { shipit, log, run } = createShipit()
  const dsl = capistrano(shipit)
  const printed: unknown[] = []
  const plugin = {
    ...dsl.plugin,
    print: (data: unknown, lines: () => readonly string[], page?: () => string) =>
      void printed.push(data, lines()[0], page?.()),
  }
  defineTimeline(shipit, { ...dsl, plugin, replace: dsl.plugin.replace }, () => kept)
  const error = await run('deploy:timeline')
  return { error, printed, log }
}

const save = (user: string, hour: number, environment = 'test') =>
  store.save(sampleTimeline({ environment, user, startedAt: `2026-11-25T${hour}:00:00.000Z` }))

it('prints the newest run of its environment, as data, text and page', async () => {
  save('alice', 10)
  save('bob', 11)
  save('carol', 12, 'production')
  const { error, printed } = await timeline()
  expect(error).toBeUndefined()
  const record = sampleTimeline({ environment: 'test', user: 'bob', startedAt: '2026-11-25T11:00:00.000Z' })
  expect(printed).toEqual([
    record,
    'Deploy of main to test by bob, 2026-11-25 11:00:00 UTC: succeeded in 3.00 s',
    timelinePage(record),
  ])
})

it('prints an earlier run with TIMELINE', async () => {
  save('alice', 10)
  save('bob', 11)
  const { printed } = await timeline({ TIMELINE: '2' })
  expect(printed[0]).toMatchObject({ user: 'alice' })
})

it.each(['0', '-1', '1.5', 'x', ''])('refuses TIMELINE=%s, and says what is possible', async (TIMELINE) => {
  save('alice', 10)
  const { error } = await timeline({ TIMELINE })
  expect(error).toMatchObject({
    code: 'E_TIMELINE',
    message: `TIMELINE is '${TIMELINE}': set it to 1 for the newest run, 2 for the one before it, up to 20.`,
  })
})

it('says how many runs are kept', async () => {
  save('alice', 10)
  expect((await timeline({ TIMELINE: '2' })).error).toMatchObject({
    code: 'E_TIMELINE',
    message: `TIMELINE is 2, but ${folder} has only 1 run of test.`,
  })
})

it('says what to do if there is no timeline yet', async () => {
  save('carol', 12, 'production')
  expect((await timeline()).error).toMatchObject({
    code: 'E_TIMELINE',
    message: `There is no timeline of test in ${folder} yet: deploy from this machine and this folder first.`,
  })
})

it('says what to do if timelines are not kept', async () => {
  const { shipit, run } = createShipit()
  const dsl = capistrano(shipit)
  defineTimeline(shipit, { ...dsl, replace: dsl.plugin.replace }, () => undefined)
  expect(await run('deploy:timeline')).toMatchObject({ code: 'E_TIMELINE' })
})
