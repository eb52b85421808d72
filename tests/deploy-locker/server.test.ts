import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import capistrano, { type Host } from 'shipit-capistrano'
import { lockContract } from 'shipit-deploy-locker/testing'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { ServerLockStore } from '../../docs/examples/server-lock.js'
import { startFleet, type Fleet } from '../../testbed/fleet.js'
import { createShipit, type ShipitInstance } from '../../testbed/shipit-instance.js'
import { Stage } from '../support/stage.js'

let directory: string
let fleet: Fleet
let instance: ShipitInstance
let tests = 0
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'server-lock-'))
  fleet = await startFleet({ directory, names: ['web1', 'gone'] })
  await fleet.host('gone').stop()
  instance = createShipit({ servers: fleet.servers, key: fleet.key })
  capistrano(instance.shipit)
  instance.shipit.initialize()
})
afterAll(async () => {
  // Closes the shared connections.
  instance.shipit.stop()
  await fleet.stop()
  await rm(directory, { recursive: true, force: true })
})

const host = (index: number) => (): Host | undefined => capistrano(instance.shipit).hosts()[index]

lockContract({
  it,
  create: async () => {
    tests += 1
    const folder = `locks/${tests}`
    return () => new ServerLockStore({ host: host(0), folder })
  },
  createBroken: async () => new ServerLockStore({ host: host(1), folder: 'locks' }),
})

it('guards deploys from any machine that reaches the server', async () => {
  const stage = await Stage.create({ names: ['web1', 'web2'] })
  try {
    const shipitfile = await stage.shipitfile(
      'server-lock.ts',
      `import { ServerLockStore } from ${JSON.stringify(new URL('../../docs/examples/server-lock', import.meta.url).pathname)}
       import capistrano from 'shipit-capistrano'
       import example from './shipitfile'
       export default shipit => {
         example(shipit)
         const host = () => capistrano(shipit).hosts()[0]
         shipit.config.deployLock = { store: new ServerLockStore({ host, folder: 'srv/locks' }) }
         shipit.blTask('assets:build', () => { if (process.env.DIE) process.kill(process.pid, 'SIGKILL') })
       }`,
    )
    await stage.app.commit({ VERSION: '1\n' }, 'Version 1')
    expect((await stage.run('deploy', { DIE: 'yes' }, shipitfile)).status).toBe('SIGKILL')
    const { status, output } = await stage.run('deploy', {}, shipitfile)
    expect(output).toContain('Took over an abandoned lock')
    expect(output).toContain('is live on 2 servers')
    expect(status).toBe(0)
  } finally {
    await stage.close()
  }
})
