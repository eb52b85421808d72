import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createSampleApp } from '../../testbed/sample-app.js'
import { Stage } from '../support/stage.js'
import type { Case } from './cases.js'
import { compare } from './compare.js'
import { INTENDED, type Intended } from './differences.js'
import type { Mode } from './modes.js'
import { Subject, type Observation } from './observe.js'
import { Programs, SERVER_TOOLS } from './programs.js'

/**
 * Defines a test for each case: our plugins do what shipit-deploy alone does, except for intended differences. Returns the
 * intended differences that occurred, once the tests have run.
 */
export function compareModes(cases: readonly Case[]): ReadonlySet<Intended> {
  let stage: Stage
  let programs: Programs
  beforeAll(async () => {
    stage = await Stage.create({ names: ['web1', 'web2'], paths: { web1: SERVER_TOOLS, web2: SERVER_TOOLS } })
    programs = await Programs.create(stage)
  })
  afterAll(async () => {
    await programs.close()
    await stage.close()
  })

  const used = new Set<Intended>()

  it.each(cases)('$name', async ({ name, steps, ...setup }) => {
    const app = await createSampleApp(join(stage.directory, 'apps', name))
    const subject = (mode: Mode): Subject => new Subject(stage, programs, app.directory, name, mode, setup)
    const [plain, dsl, pull] = [subject('plain'), subject('dsl'), subject('pull')]
    const unintended: string[] = []
    const outputs = new Set<string>()
    for (const [index, step] of steps.entries()) {
      if ('commit' in step) await app.commit(step.commit, 'more')
      if ('git' in step) await app.git(...step.git)
      if (!('run' in step)) continue
      const observe = (each: Subject): Promise<Observation> => each.observe(step.run, step.env)
      const [expected, inDsl, inPull] = await Promise.all([observe(plain), observe(dsl), observe(pull)])
      for (const { mode, ours } of [
        { mode: 'dsl', ours: inDsl },
        { mode: 'pull', ours: inPull },
      ] as const) {
        for (const difference of compare(expected, ours)) {
          const intended = INTENDED.find(
            ({ modes, cases: shownBy = [name], matches }) =>
              modes.includes(mode) &&
              shownBy.includes(name) &&
              matches(difference, { plain: expected, ours }),
          )
          if (intended) {
            used.add(intended)
            continue
          }
          const run = `step ${index + 1}, ${[step.run].flat().join(' ')}`
          unintended.push(`${mode}, ${run}: ${difference.what}: ${difference.plain} → ${difference.ours}`)
          outputs.add(`\n--- plain, ${run}\n${expected.output}`).add(`\n--- ${mode}, ${run}\n${ours.output}`)
        }
      }
    }
    expect([...unintended, ...outputs]).toEqual([])
  })

  return used
}
