import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { sampleTimeline } from '../../../../testbed/sample-timeline.js'
import { KEPT_TIMELINES, TimelineStore } from './store.js'

let folder: string
let store: TimelineStore
beforeEach(async () => {
  folder = join(await mkdtemp(join(tmpdir(), 'timeline-')), 'below', 'timeline')
  store = new TimelineStore(folder)
})
afterEach(() => rm(join(folder, '../..'), { recursive: true }))

/** A run that started in a minute of that hour. */
const run = (minute: number, environment = 'production') =>
  sampleTimeline({ environment, startedAt: `2026-11-25T14:${String(minute).padStart(2, '0')}:00.000Z` })

it('has no runs before the first one, and creates its folder for that', () => {
  expect(store.all('production')).toEqual([])
  store.save(run(1))
  expect(store.all('production')).toEqual([run(1)])
})

it('returns the newest run first, in whatever order they ended', () => {
  for (const minute of [2, 3, 1]) store.save(run(minute))
  expect(store.all('production')).toEqual([run(3), run(2), run(1)])
})

it('keeps both of two runs that started at the same time', () => {
  store.save(run(1))
  store.save(run(1))
  expect(store.all('production')).toEqual([run(1), run(1)])
})

it('keeps the last 20 runs of each environment', () => {
  store.save(run(0, 'staging'))
  for (let minute = 0; minute < KEPT_TIMELINES + 5; minute++) store.save(run(minute))
  const kept = store.all('production')
  expect(kept).toHaveLength(20)
  expect(kept.at(-1)).toEqual(run(5))
  expect(store.all('staging')).toEqual([run(0, 'staging')])
})

it.each(['a.b', '../x', 'ünï/code %', 'production.20'])('keeps %j apart from other environments', (name) => {
  store.save(run(1, name))
  store.save(run(2))
  expect(store.all(name)).toEqual([run(1, name)])
  expect(store.all('production')).toEqual([run(2)])
})

it('skips files that are broken, unfinished or not its own, and removes only its own', async () => {
  await mkdir(join(folder, '20200101T000000000Z.production.00000001.json'), { recursive: true })
  const foreign = ['notes.txt', '2020.json', '20200101T000000000Z.json']
  for (const name of foreign) await writeFile(join(folder, name), '{}')
  const broken = '20261125T145900000Z.production.00000002.json'
  const unfinished = '20200101T000000000Z.production.00000003.json.new'
  for (const name of [broken, unfinished]) await writeFile(join(folder, name), '{"version":1')
  store.save(run(1))
  expect(store.all('production')).toEqual([run(1)])
  for (let minute = 2; minute < KEPT_TIMELINES + 5; minute++) store.save(run(minute))
  const names = await readdir(folder)
  expect(names).toEqual(expect.arrayContaining([...foreign, broken]))
  expect(names).not.toContain(unfinished)
})

it('leaves nothing behind when it cannot write, and says why', async () => {
  await mkdir(join(folder, '..'), { recursive: true })
  await writeFile(folder, 'a file')
  expect(() => store.save(run(1))).toThrow('EEXIST')
  expect(await readFile(folder, 'utf8')).toBe('a file')
})
