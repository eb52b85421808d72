import { expect, it } from 'vitest'
import { z } from 'zod'
import { createShipit } from '../../../../testbed/shipit-instance.js'
import capistrano from '../plugin.js'
import { Settings } from './settings.js'

function mistakes(config: Record<string, unknown>): string[] {
  const { shipit } = createShipit(config)
  const settings = new Settings()
  settings.add({ key: 'netStorage', schema: z.unknown() })
  return settings.check(shipit)
}

it.each([
  [{ keepRelease: 3 }, "keepRelease: there is no such setting; did you mean 'keepReleases'?"],
  [{ brnach: 'main' }, "brnach: there is no such setting; did you mean 'branch'?"],
  [{ linkedFile: [] }, "linkedFile: there is no such setting; did you mean 'linkedFiles'?"],
  [{ ignore: ['src'] }, "ignore: there is no such setting; did you mean 'ignores'?"],
  [{ netstorage: {} }, "netstorage: there is no such setting; did you mean 'netStorage'?"],
  [{ server: ['web1'] }, "server: there is no such setting; did you mean 'servers'?"],
])('tells a misspelt setting: %j', (config, mistake) => {
  expect(mistakes(config)).toEqual([mistake])
})

it("tells a server's misspelt settings, wherever it stands", () => {
  expect(mistakes({ servers: ['web1', { host: 'web2', prot: 22, role: 'web' }] })).toEqual([
    "servers.1.prot: there is no such setting; did you mean 'port'?",
    "servers.1.role: there is no such setting; did you mean 'roles'?",
  ])
  expect(mistakes({ servers: { host: 'web2', usre: 'shop' } })).toEqual([
    "servers.usre: there is no such setting; did you mean 'user'?",
  ])
})

it('lets all other settings be: they are of other plugins, or of the shipitfile itself', () => {
  const plugins = {
    npm: {},
    yarn: {},
    pm2: {},
    slack: {},
    db: {},
    bower: {},
    composer: {},
    assets: {},
    shared: {},
  }
  const shipitDeploy = {
    workspace: 'w',
    shallowClone: true,
    keepWorkspace: true,
    rsyncFrom: 'x',
    dirToCopy: 'y',
    copy: false,
    ignores: [],
    rsync: [],
    deploy: {},
    strict: 'no',
    verboseSSHLevel: 1,
  }
  const own = { host: 'web1', rack: 'a', zone: 'b', node: 18, tags: [], id: 7, hostname: 'web1.example.com' }
  expect(mistakes({ ...plugins, ...shipitDeploy, servers: [own] })).toEqual([])
})

it("takes a folder below the user's home for that", () => {
  const { shipit } = createShipit({ deployTo: '~/apps/shop' })
  capistrano(shipit)
  shipit.initialize()
  expect(shipit.config.deployTo).toBe('apps/shop')
})

it.each(['~', '~/', '~bob/shop', '/', ''])("refuses '%s' as the application's folder", (deployTo) => {
  expect(mistakes({ deployTo })).toEqual([
    `deployTo: expected a folder of the application's own, such as '/srv/shop' or '~/shop'; got '${deployTo}'`,
  ])
})
