import { execFileSync } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { openGate } from '../support/gate.js'
import { Stage } from '../support/stage.js'
import type { ShipitRun } from '../../testbed/shipit.js'

let stage: Stage
let gate: string
beforeEach(async () => {
  stage = await Stage.create({ names: ['web1'] })
  gate = join(stage.directory, 'gate')
  execFileSync('mkfifo', [gate])
})
afterEach(() => stage.close())

/** A deploy that holds the lock, in the middle of its build. */
async function held(env: NodeJS.ProcessEnv = {}): Promise<ShipitRun> {
  const run = stage.start('deploy', { ...env, HOLD_BUILD: gate })
  await run.printed('Running "npm run')
  return run
}

it('refuses a second deploy, says who holds the lock, why and since when, and leaves the lock alone', async () => {
  const alice = await held({ USER: 'alice' })
  const { status, output } = await stage.run('deploy', { USER: 'bob' })
  expect(status).toBe(1)
  expect(output).toMatch(/shop\.production.*alice.*shipit.*deploy.*since \d{4}-\d\d-\d\d/s)
  expect(output).toContain('[E_LOCK_HELD]')
  expect(output).not.toContain('net_storage:check')
  expect(output).not.toMatch(/^\s+at /m)

  // bob's deploy:failed also ran deploy:unlock; alice's lock is still there.
  const check = await stage.run('deploy:lock:check', { FORMAT: 'json' })
  expect(check.status).toBe(1)
  expect(check.output).toContain('[E_LOCK_HELD]')
  expect(JSON.parse(check.stdout)).toMatchObject({
    key: 'shop.production',
    holder: { user: 'alice', reason: expect.stringContaining('deploy') },
    freeze: null,
  })
  await writeFile(gate, 'go on')
  expect(await alice.ended).toBe(0)
  const free = await stage.run('deploy:lock:check', { FORMAT: 'json' })
  expect(free.status).toBe(0)
  expect(JSON.parse(free.stdout)).toMatchObject({ holder: null, freeze: null })
  expect((await stage.run('deploy')).status).toBe(0)
})

it('takes over immediately from a killed deploy', async () => {
  const run = await held()
  run.kill('SIGKILL')
  expect(await run.ended).toBe('SIGKILL')
  const { status, output } = await stage.run('deploy')
  expect(output).toContain('is live on 1 server.')
  expect(status).toBe(0)
  // Its build may still be running.
  await openGate(gate)
})
