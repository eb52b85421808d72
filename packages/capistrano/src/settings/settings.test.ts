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
  [{ keepRelease: 3 }, "keepRelease: unknown setting; did you mean 'keepReleases'?"],
  [{ brnach: 'main' }, "brnach: unknown setting; did you mean 'branch'?"],
  [{ linkedFile: [] }, "linkedFile: unknown setting; did you mean 'linkedFiles'?"],
  [{ ignore: ['src'] }, "ignore: unknown setting; did you mean 'ignores'?"],
  [{ netstorage: {} }, "netstorage: unknown setting; did you mean 'netStorage'?"],
  [{ server: ['web1'] }, "server: unknown setting; did you mean 'servers'?"],
])('reports a misspelt setting: %j', (config, mistake) => {
  expect(mistakes(config)).toEqual([mistake])
})

it("reports a server's misspelt settings, in a list or alone", () => {
  expect(mistakes({ servers: ['web1', { host: 'web2', prot: 22, role: 'web' }] })).toEqual([
    "servers.1.prot: unknown setting; did you mean 'port'?",
    "servers.1.role: unknown setting; did you mean 'roles'?",
  ])
  expect(mistakes({ servers: { host: 'web2', usre: 'shop' } })).toEqual([
    "servers.usre: unknown setting; did you mean 'user'?",
  ])
})

it("accepts all other settings: they are other plugins' or the shipitfile's", () => {
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

it("makes a path in the user's home relative", () => {
  const { shipit } = createShipit({ deployTo: '~/apps/shop' })
  capistrano(shipit)
  shipit.initialize()
  expect(shipit.config.deployTo).toBe('apps/shop')
})

it.each(['~', '~/', '~bob/shop', '/', ''])("rejects '%s' as the application's folder", (deployTo) => {
  expect(mistakes({ deployTo })).toEqual([
    `deployTo: expected the application's own folder, such as '/srv/shop' or '~/shop'; got '${deployTo}'`,
  ])
})
