import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { Stage } from '../support/stage.js'

/** The plugin from docs/write-a-plugin.md, in a shipitfile with hours from the environment. */
const SHIPITFILE = `
import deployHours from ${JSON.stringify(new URL('../../docs/examples/deploy-hours', import.meta.url).pathname)}
import capistrano from 'shipit-capistrano'
import example from './shipitfile'
const { env } = process
export default shipit => {
  deployHours(shipit)
  example(shipit)
  deployHours(shipit)
  shipit.config.deployHours = JSON.parse(env.DEPLOY_HOURS)
  capistrano(shipit).before('deploy:publishing', 'late', () => {
    if (env.LATE) Object.defineProperty(Date.prototype, 'getHours', { value: () => 23 })
  })
}
`

const OPEN = JSON.stringify({ days: [1, 2, 3, 4, 5, 6, 7], from: 0, until: 24 })
const CLOSED = JSON.stringify({ days: [] })
const UNTIL_EVENING = JSON.stringify({ days: [1, 2, 3, 4, 5, 6, 7], from: 0, until: 23 })

let stage: Stage
let shipitfile: string
beforeAll(async () => {
  stage = await Stage.create({ names: ['web1'] })
  shipitfile = await stage.shipitfile('hours.ts', SHIPITFILE)
  await stage.app.commit({ VERSION: '1\n' }, 'Version 1')
})
afterAll(() => stage.close())

const run = (task: string, hours: string, env: NodeJS.ProcessEnv = {}): ReturnType<Stage['run']> =>
  stage.run(task, { DEPLOY_HOURS: hours, ...env }, shipitfile)

const version = (): Promise<string> => readFile(stage.path('web1', 'current/VERSION'), 'utf8')

it('reports its invalid settings with all others', async () => {
  const { status, output } = await run('deploy', JSON.stringify({ from: 25, til: 3 }))
  expect(output).toMatch(/deployHours\.from: .*got 25/)
  expect(output).toContain("deployHours.til: unknown setting; did you mean 'until'?")
  expect(status).toBe(1)
})

it('shows in the plan whether releases may go live', async () => {
  expect((await run('deploy:plan', OPEN)).output).toMatch(/^deploy hours: open$/m)
  expect((await run('deploy:plan', CLOSED)).output).toMatch(/^deploy hours: closed now$/m)
})

it('refuses a deploy before anything is built, unless OUT_OF_HOURS is set', async () => {
  const refused = await run('deploy', CLOSED)
  expect(refused.output).toContain('Releases may go live from 9:00 to 16:00. Nothing was published')
  expect(refused.output).not.toContain('Building an archive')
  expect(refused.status).toBe(1)
  expect((await run('deploy', CLOSED, { OUT_OF_HOURS: 'it burns' })).status).toBe(0)
})

it('stops a deploy that runs past the hours before it goes live, but not a rollback', async () => {
  await stage.app.commit({ VERSION: '2\n' }, 'Version 2')
  expect((await run('deploy', OPEN)).status).toBe(0)
  await stage.app.commit({ VERSION: '3\n' }, 'Version 3')
  const late = await run('deploy', UNTIL_EVENING, { LATE: 'yes' })
  expect(late.output).toContain("Failed in 'deploy:publish'.")
  expect(late.output).toContain('[E_DEPLOY_HOURS]')
  expect(await version()).toBe('2\n')
  expect((await run('rollback', CLOSED)).status).toBe(0)
  expect(await version()).toBe('1\n')
})
