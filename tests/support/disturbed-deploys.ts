import { readdir, readFile, readlink } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Stage } from '../support/stage.js'

/** The example, which on request dies when a task starts, or breaks a server before it publishes. */
const SHIPITFILE = `
import capistrano, { Script } from 'shipit-capistrano'
import example from './shipitfile'
const { env } = process
export default shipit => {
  example(shipit)
  const { before, on, hosts } = capistrano(shipit)
  shipit.on('task_start', ({ task }) => {
    if (task === env.KILL_AT) process.kill(process.pid, 'SIGKILL')
    // Once the servers' scripts are running.
    if (task === env.INTERRUPT_AT) setTimeout(() => process.kill(process.pid, 'SIGTERM'), Number(env.INTERRUPT_AFTER))
  })
  before('deploy:publish', 'break', () =>
    on(hosts().filter(({ name }) => name === env.BREAK), host =>
      host.script(Script.of('cd srv/shop && mv current was-current && mkdir current'))))
}
`

/** Which deploys are killed or interrupted. */
export interface Disturbed {
  /** Tasks at whose start the deploy is killed. */
  readonly killedAt: readonly string[]
  /** Milliseconds after the start of `deploy:publish` at which the deploy is interrupted. */
  readonly interruptedAfter: readonly number[]
}

/** Proves that the live release survives disturbed deploys. Call it once per file. */
export function disturbDeploys({ killedAt, interruptedAfter }: Disturbed): void {
  let stage: Stage
  let shipitfile: string
  let version = 0
  beforeAll(async () => {
    stage = await Stage.create()
    shipitfile = await stage.shipitfile('promises.ts', SHIPITFILE)
    await stage.run('deploy')
  })
  afterAll(() => stage.close())

  const run = (env: NodeJS.ProcessEnv = {}): Promise<{ status: number | string; output: string }> =>
    stage.run('deploy', env, shipitfile)

  const commit = (): Promise<string> =>
    stage.app.commit({ VERSION: `${(version += 1)}\n` }, `Version ${version}`)

  /** Checks that the live release is complete: files of the commit, the build and the configuration. */
  async function expectWhole(): Promise<void> {
    for (const { name } of stage.fleet.hosts) {
      expect(await readlink(stage.path(name, 'current'))).toMatch(/^releases\/\d{14}$/)
      expect(await readFile(stage.path(name, 'current/config/database.json'), 'utf8')).toContain('password')
      expect(await readFile(stage.path(name, 'current/public/build.json'), 'utf8')).toContain('{')
      expect(await readFile(stage.path(name, 'current/REVISION'), 'utf8')).toMatch(/^[0-9a-f]{40}\n$/)
    }
  }

  describe('a deploy that is killed', () => {
    it.each(killedAt)(
      'in %s leaves complete releases live, and nothing that disturbs the next deploy',
      async (task) => {
        const before = await stage.live()
        const revision = await commit()
        expect((await run({ KILL_AT: task })).status).toBe('SIGKILL')
        await expectWhole()
        // All servers, or none.
        const live = await stage.live()
        expect([before, [revision, revision, revision]]).toContainEqual(live)

        const { status, output } = await run()
        expect(output).toContain('is live on 3 servers')
        expect(status).toBe(0)
        expect(await stage.live()).toEqual([revision, revision, revision])
        await expectWhole()
        expect(await readdir(join(stage.directory, '.local_net_storage/releases'))).toEqual([])
        for (const { name } of stage.fleet.hosts) {
          expect(
            (await readdir(stage.path(name, 'releases'))).filter((each) => each.endsWith('.part')),
          ).toEqual([])
        }
      },
    )
  })

  it.each(interruptedAfter)(
    'is live on all servers or none when interrupted %d ms into publishing',
    async (after) => {
      const before = await stage.live()
      const revision = await commit()
      const { output } = await run({ INTERRUPT_AT: 'deploy:publish', INTERRUPT_AFTER: String(after) })
      expect(output).toContain('Interrupted by SIGTERM')
      expect([before, [revision, revision, revision]]).toContainEqual(await stage.live())
      await expectWhole()
      expect((await run()).status).toBe(0)
    },
  )

  it('goes live on all servers or none: if one fails, the others go back', async () => {
    const before = await stage.live()
    await commit()
    const { status, output } = await run({ BREAK: 'web2' })
    expect(status).toBe(1)
    expect(output).toMatch(/1 of 3 servers failed:\s+web2: srv\/shop\/current is not a symbolic link/)
    expect(output).toContain('2 other servers switched back to the previous release.')
    const live = await stage.live()
    expect([live[0], live[2]]).toEqual([before[0], before[2]])
  })
}
