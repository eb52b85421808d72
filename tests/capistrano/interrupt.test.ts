import { execFileSync } from 'node:child_process'
import { mkdir, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { openGate } from '../support/gate.js'
import { Stage } from '../support/stage.js'

/** The example, held on the server before it publishes, with a failure hook that runs on the server. */
const HELD_ON_SERVER = `
import capistrano, { Script, type Shipit } from 'shipit-capistrano'
import example from './shipitfile'
export default (shipit: Shipit) => {
  example(shipit)
  const { before, after, on, hosts } = capistrano(shipit)
  before('deploy:publish', 'hold', () => on(hosts(), host => host.script(Script.of('say holding; cat gate'))))
  after('deploy:failed', 'note', () => on(hosts(), host => host.script(Script.of('echo noted >note'))))
}
`

/** The example, with a failure hook that never ends. */
const HELD_IN_FAILED = `
import capistrano, { type Shipit } from 'shipit-capistrano'
import example from './shipitfile'
export default (shipit: Shipit) => {
  example(shipit)
  capistrano(shipit).before('deploy:failed', 'hold', () => {
    console.log('held in deploy:failed')
    return new Promise(() => setInterval(() => {}, 1000))
  })
}
`

let stage: Stage
beforeEach(async () => {
  stage = await Stage.create({ names: ['web1'] })
})
afterEach(() => stage.close())

it.each([
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129],
] as const)('runs deploy:failed and releases the lock on %s, with status %d', async (signal, status) => {
  const gate = join(stage.directory, 'gate')
  execFileSync('mkfifo', [gate])
  const run = stage.start('deploy', { HOLD_BUILD: gate })
  await run.printed('Running "npm run')
  run.kill(signal)
  expect(await run.ended).toBe(status)
  expect(run.output).toContain(`Interrupted by ${signal}`)
  expect(run.output).toContain("Finished 'deploy:unlock'")
  expect(await stage.locks()).toEqual([])
  expect(await stage.live()).toEqual([undefined])
  await openGate(gate)
})

it('quits immediately when interrupted again', async () => {
  const gate = join(stage.directory, 'gate')
  execFileSync('mkfifo', [gate])
  const run = stage.start('deploy', { HOLD_BUILD: gate }, await stage.shipitfile('twice.ts', HELD_IN_FAILED))
  await run.printed('Running "npm run')
  run.kill('SIGTERM')
  await run.printed('held in deploy:failed')
  run.kill('SIGTERM')
  expect(await run.ended).toBe(143)
  expect(run.output).toContain("The process exited before 'deploy:failed' had finished.")
  // The lock never outlives the process.
  expect((await stage.run('deploy:lock:check')).status).toBe(0)
  await openGate(gate)
})

it('runs the failure hooks on servers after Ctrl-C, which also ends the ssh processes', async () => {
  const { home } = stage.fleet.host('web1')
  execFileSync('mkfifo', [join(home, 'gate')])
  const temporary = join(stage.directory, 'tmp')
  await mkdir(temporary)
  const run = stage.start('deploy', { TMPDIR: temporary }, await stage.shipitfile('held.ts', HELD_ON_SERVER))
  await run.printed('@web1 holding')
  run.interrupt()
  expect(await run.ended).toBe(130)
  expect(run.output).toContain('Interrupted by SIGINT')
  expect(await readFile(join(home, 'note'), 'utf8')).toBe('noted\n')
  expect((await readdir(temporary)).filter((name) => name.startsWith('shipit-'))).toEqual([])
  expect(await stage.locks()).toEqual([])
  expect(await stage.live()).toEqual([undefined])
  expect((await stage.run('deploy')).status).toBe(0)
})
