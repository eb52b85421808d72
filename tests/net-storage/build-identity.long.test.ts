import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { Stage } from '../support/stage.js'

/** One repository, two environments, and a build that writes the environment into the release. */
const SHIPITFILE = `
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import capistrano from 'shipit-capistrano'
import netStorage from 'shipit-net-storage'
import { S3Transport } from 'shipit-net-storage-s3'
const { env } = process
export default shipit => {
  netStorage(shipit)
  const { after } = capistrano(shipit)
  const write = (name, content) => () => writeFile(join(shipit.netStorage.localReleaseAppPath, name), content())
  if (env.BUILD) after('net_storage:prepare_archive', 'build:api', write('api.txt', () => shipit.environment + '.example.com'))
  if (env.MORE) after('build:api', 'build:more', write('more.txt', () => 'more'))
  const servers = JSON.parse(env.SERVERS)
  shipit.initConfig({
    default: {
      application: 'shop', repositoryUrl: env.REPOSITORY_URL, branch: 'main', key: env.SSH_KEY, deployTo: env.DEPLOY_TO,
      netStorage: {
        installer: false,
        transport: new S3Transport({ bucket: env.S3_BUCKET, prefix: 'shop', region: env.S3_REGION, endpoint: env.S3_ENDPOINT, forcePathStyle: true }),
        ...(env.BUILD_KEY ? { buildKey: async () => ({ api: env.BUILD_KEY }) } : {}),
      },
    },
    staging: { servers: servers.slice(0, 1) },
    production: { servers: servers.slice(1) },
  })
}
`

let stage: Stage
let shipitfile: string
beforeAll(async () => {
  stage = await Stage.create({ names: ['staging1', 'web1'] })
  shipitfile = await stage.shipitfile('identity.ts', SHIPITFILE)
})
afterAll(() => stage.close())

async function run(environment: string, env: NodeJS.ProcessEnv = {}, task = 'deploy'): Promise<string> {
  const { status, output } = await stage.run(task, env, shipitfile, environment)
  expect(output).not.toMatch(/^\s+at /m)
  expect(status).toBe(0)
  return output
}

const live = (host: string, name: string): Promise<string> =>
  readFile(stage.path(host, 'current', name), 'utf8')

it('builds for each environment, and reuses each build', async () => {
  expect(await run('staging', { BUILD: '1' })).toContain("Running 'build:api' task")
  expect(await run('production', { BUILD: '1' })).toContain("Running 'build:api' task")
  expect(await live('staging1', 'api.txt')).toBe('staging.example.com')
  expect(await live('web1', 'api.txt')).toBe('production.example.com')
  for (const environment of ['staging', 'production']) {
    const output = await run(environment, { BUILD: '1' })
    expect(output).not.toContain("build:api' task")
    expect(output).toMatch(/Reusing archives\/.* Skipped, because it contains their output: build:api\./)
  }
  expect(await live('web1', 'api.txt')).toBe('production.example.com')

  // Builds nothing, and deploys the environment's own archive.
  await run('production', { BUILD: '1' }, 'net_storage:pull_deploy')
  expect(await live('web1', 'api.txt')).toBe('production.example.com')
  await run('staging', { BUILD: '1' }, 'net_storage:pull_deploy')
  expect(await live('staging1', 'api.txt')).toBe('staging.example.com')
})

it('builds again when a hook is added, and when REBUILD is set', async () => {
  const added = await run('production', { BUILD: '1', MORE: '1' })
  expect(added).toMatch(/build hooks was build:api, now build:api, build:more/)
  expect(await live('web1', 'more.txt')).toBe('more')
  expect(await run('production', { BUILD: '1', MORE: '1', REBUILD: '1' })).toMatch(
    /Building an archive of [0-9a-f]{40}: REBUILD is 1\./,
  )
  expect(await run('production', { BUILD: '1', MORE: '1' })).toContain('Reusing')
})

it('runs a hook that is added after the commit was deployed without one', async () => {
  await stage.app.commit({ VERSION: '2\n' }, 'Version 2')
  await run('production')
  expect(await run('staging')).toContain('Reusing')
  expect(await run('production', { BUILD: '1' })).toMatch(/build hooks was not set, now build:api/)
  expect(await live('web1', 'api.txt')).toBe('production.example.com')
})

it('promotes one build when a build key replaces the environment', async () => {
  const revision = await stage.app.commit({ VERSION: '3\n' }, 'Version 3')
  await run('staging', { BUILD: '1', BUILD_KEY: 'v1' })
  expect(await run('production', { BUILD: '1', BUILD_KEY: 'v1' })).toContain('Reusing')
  expect(await live('web1', 'api.txt')).toBe('staging.example.com')
  expect(await run('production', { BUILD: '1', BUILD_KEY: 'v2' })).toContain("Running 'build:api' task")
  expect(await live('web1', 'api.txt')).toBe('production.example.com')
  expect(await stage.live()).toEqual([revision, revision])
})
