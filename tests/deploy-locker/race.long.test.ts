import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { Bucket } from '../support/bucket.js'
import { LockProcess } from '../support/lock-process.js'

const PROCESSES = 20

let directory: string
let bucket: Bucket
let processes: LockProcess[]
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'lock-race-'))
  bucket = await Bucket.create()
  const places = { file: { dir: join(directory, 'locks') }, s3: bucket.lockOptions() }
  processes = await Promise.all(
    Array.from({ length: PROCESSES }, () => LockProcess.start(places, { sameMachine: true })),
  )
})
afterAll(async () => {
  await Promise.all(processes.map((each) => each.kill()))
  await bucket.delete()
  await rm(directory, { recursive: true, force: true })
})

it.each([
  ['file', 200],
  ['s3', 50],
] as const)(
  'grants a lock (%s) to exactly one of 20 concurrent processes in each of %d rounds',
  async (place, rounds) => {
    const winners = new Set<number>()
    for (let round = 1; round <= rounds; round += 1) {
      const outcomes = await Promise.all(
        processes.map((each) => each.do('acquire', { place, user: `round ${round}` })),
      )
      expect(outcomes.filter((each) => 'error' in each)).toEqual([])
      expect(outcomes.filter((each) => 'refusedBy' in each)).toHaveLength(PROCESSES - 1)
      const winner = outcomes.findIndex((each) => 'token' in each)
      expect(outcomes[winner]).toMatchObject({ token: { number: round }, tookOverFrom: null })
      winners.add(winner)
      expect(await processes[winner]?.do('release')).toBeNull()
    }
    expect(winners.size).toBeGreaterThan(1)
  },
)
