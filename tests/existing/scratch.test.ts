import { appendFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createSampleApp } from '../../testbed/sample-app.js'
import { join } from 'node:path'
import { Stage } from '../support/stage.js'
import { CASES } from './cases.js'
import { compare } from './compare.js'
import { MODES } from './modes.js'
import { Subject } from './observe.js'

let stage: Stage
beforeAll(async () => {
  stage = await Stage.create({ names: ['web1', 'web2'] })
})
afterAll(() => stage.close())
const only = process.env['ONLY']?.split(',')
it.each(CASES.filter((c) => !only || only.includes(c.name)))('$name', async (c) => {
  const app = await createSampleApp(join(stage.directory, 'apps', c.name))
  const subjects = MODES.map((mode) => new Subject(stage, c.name, mode, c, app.directory))
  let n = 0
  for (const step of c.steps) {
    n++
    if ('commit' in step) {
      await app.commit(step.commit, 'more')
      continue
    }
    if ('git' in step) {
      await app.git(...step.git)
      continue
    }
    const [plain, ...ours] = await Promise.all(subjects.map((s) => s.observe(step.run, step.env)))
    appendFileSync('/tmp/diffs.txt', `\n##### ${c.name} ${n} ${step.run}: status ${plain!.status}\n`)
    if (process.env['SHOW'])
      appendFileSync(
        '/tmp/diffs.txt',
        [plain, ...ours].map((o) => o!.output).join('\n-------------\n') + JSON.stringify(plain, null, 1),
      )
    for (const [i, o] of ours.entries()) {
      const d = compare(MODES[i + 1]!, `${c.name} ${n}`, plain!, o)
      for (const each of d)
        appendFileSync(
          '/tmp/diffs.txt',
          `${each.mode} | ${each.what}\n     P ${each.plain.slice(0, 400)}\n     O ${each.ours.slice(0, 400)}\n`,
        )
      if (o.status !== plain!.status)
        appendFileSync('/tmp/diffs.txt', o.output.split('\n').slice(-14).join('\n') + '\n')
    }
  }
  expect(1).toBe(1)
})
