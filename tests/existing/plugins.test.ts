import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { Stage } from '../support/stage.js'
import { shipitfile } from './modes.js'
import { Programs, SERVER_TOOLS } from './programs.js'

let stage: Stage
let programs: Programs
beforeAll(async () => {
  stage = await Stage.create({ names: ['web1'], paths: { web1: SERVER_TOOLS } })
  programs = await Programs.create(stage)
})
afterAll(async () => {
  await programs.close()
  await stage.close()
})

const INSTALLERS = `for (const name of ['shipit-npm', 'shipit-yarn']) plugin(name)(shipit)`

it('warns once that shipit-npm installs what the archive already has, and which setting stops it', async () => {
  const lock = {
    name: 'shop',
    version: '1.0.0',
    lockfileVersion: 3,
    packages: { '': { name: 'shop', version: '1.0.0' } },
  }
  await stage.app.commit(
    {
      'package.json': JSON.stringify({ name: 'shop', version: '1.0.0' }),
      'package-lock.json': JSON.stringify(lock),
    },
    'A lockfile',
  )
  const deploy = async (settings: string): Promise<string[]> => {
    const file = await stage.shipitfile('pull.cjs', shipitfile('pull', { body: INSTALLERS, settings }))
    // npm itself on this machine, and a stand-in on the server.
    const { PLUGINS } = programs.env('')
    const { status, output } = await stage.run('deploy', { PLUGINS, TRACE: '/dev/null' }, file)
    expect(status).toBe(0)
    return output.split('\n').filter((line) => line.includes('To install only once'))
  }
  expect(await deploy(`yarn: { triggerEvent: false },`)).toEqual([
    'shipit-npm installs again on the servers what npm already installed into the archive. To install only once, set npm: { triggerEvent: false }, or netStorage.installer: false.',
  ])
  expect(await readFile(stage.path('web1', 'current/installed-by-npm'), 'utf8')).toBe('i\n')
  expect(await deploy(`yarn: { triggerEvent: false }, npm: { remote: false },`)).toEqual([
    'shipit-npm installs again in the workspace what npm already installed into the archive. To install only once, set npm: { triggerEvent: false }, or netStorage.installer: false.',
  ])
  expect(await deploy(`yarn: { triggerEvent: false }, npm: { triggerEvent: false },`)).toEqual([])
})

it('reports when a package starts its own Shipit, and which', async () => {
  const script = join(stage.directory, 'captain.cjs')
  await stage.shipitfile(
    'captain.cjs',
    `
    require(process.env.PLUGINS + '/shipit-captain')({ production: { servers: [] } }, {
      run: 'deploy', confirm: false, logItems: false,
      init: shipit => {
        require('shipit-capistrano')(shipit)
        shipit.initConfig({ production: { servers: [] } })
      },
    })`,
  )
  const { stdout } = await promisify(execFile)(process.execPath, [script], {
    env: { ...stage.env, ...programs.env(''), NO_COLOR: '1' },
  })
  expect(stdout).toMatch(
    /shipit-capistrano needs shipit-cli 5, but got shipit-cli 1\.5\.2 in .*: some packages, such as shipit-captain, bundle their own\. Run `shipit <environment> <task>` of shipit-cli 5 instead\./,
  )
})
