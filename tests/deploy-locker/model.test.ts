import * as fc from 'fast-check'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Bucket } from '../support/bucket.js'
import {
  Acquire,
  Break,
  CLOCKS,
  Continue,
  Crash,
  LEASES,
  Release,
  RenewAndPublish,
  StopPastTheLease,
  World,
  type Model,
  type Step,
} from '../support/lock-model.js'

let directory: string
let bucket: Bucket
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'lock-model-'))
  bucket = await Bucket.create()
})
afterAll(async () => {
  await bucket.delete()
  await rm(directory, { recursive: true, force: true })
})

const index = fc.nat(CLOCKS.length - 1)
const often = (times: number, Kind: new (index: number) => Step): fc.Arbitrary<Step>[] =>
  Array.from({ length: times }, () => index.map((each) => new Kind(each)))
const steps = fc.commands(
  [
    ...often(5, Acquire),
    ...often(3, RenewAndPublish),
    ...often(2, Release),
    ...often(1, Break),
    ...often(1, Crash),
    ...often(2, StopPastTheLease),
    ...often(2, Continue),
  ],
  { maxCommands: 60, size: 'max' },
)

describe.concurrent('with any sequence of actions and any clocks', () => {
  it.each([
    ['file', 6],
    ['s3', 6],
  ] as const)(
    'a lock (%s) has at most one holder, is not lost, and is not held forever',
    async (place, numRuns) => {
      const world = new World(place, {
        file: { dir: join(directory, 'locks'), lease: LEASES.file },
        s3: { ...bucket.lockOptions(), lease: LEASES.s3 },
      })
      try {
        await Promise.all(CLOCKS.map((_, each) => world.start(each)))
        const property = fc.asyncProperty(steps, async (commands) => {
          const model: Model = {
            holder: undefined,
            left: false,
            believers: new Map(),
            takings: 0,
            published: 0,
            stopped: new Set(),
          }
          try {
            await fc.asyncModelRun(() => ({ model, real: world }), commands)
          } finally {
            for (const each of model.stopped) world.process(each).signal('SIGCONT')
            // A stopped process would otherwise renew a lock that nobody took over.
            for (const each of model.believers.keys()) await world.process(each).do('release')
            await world.settle()
          }
        })
        await fc.assert(property, { numRuns, seed: 20261124, endOnFailure: true })
        expect(world.issued).toBeGreaterThan(2 * numRuns)
      } finally {
        await world.end()
      }
    },
  )
})
