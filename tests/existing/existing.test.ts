import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { format, resolveConfig } from 'prettier'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createSampleApp } from '../../testbed/sample-app.js'
import { Stage } from '../support/stage.js'
import { CASES } from './cases.js'
import { compare } from './compare.js'
import { INTENDED, renderIntended, type Intended } from './differences.js'
import { Subject, type Observation } from './observe.js'
import { Programs, SERVER_TOOLS } from './programs.js'

/** `npm test` runs a part of the cases, `npm run test:existing` all of them. */
const runsAll = process.env['EXISTING'] === 'all'

const PAGE = fileURLToPath(new URL('../../docs/existing-setups.md', import.meta.url))

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

it.each(CASES.filter(({ short = false }) => short || runsAll))('$name', async ({ name, steps, ...setup }) => {
  const app = await createSampleApp(join(stage.directory, 'apps', name))
  const subject = (mode: 'plain' | 'dsl' | 'pull'): Subject =>
    new Subject(stage, programs, app.directory, name, mode, setup)
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
          ({ modes, matches }) => modes.includes(mode) && matches(difference, { plain: expected, ours }),
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

it('needs each line of the table of what differs, where all cases are run', () => {
  const unused = INTENDED.filter((each) => runsAll && !used.has(each))
  expect(unused.map(({ what }) => what)).toEqual([])
})

it('shows in the docs what differs, and why', async () => {
  const [start, end] = ['<!-- what differs -->\n', '<!-- end of what differs -->']
  const page = await readFile(PAGE, 'utf8')
  const [before = '', rest = ''] = page.split(start)
  const after = rest.split(end)[1] ?? ''
  const shown = `${before}${start}\n${renderIntended()}\n\n${end}${after}`
  await expect(
    await format(shown, { ...(await resolveConfig(PAGE)), parser: 'markdown' }),
  ).toMatchFileSnapshot(PAGE)
})
