import { createHash } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, expect, inject, it } from 'vitest'
import { createProject, startShipit } from '../../testbed/shipit.js'
import { StorageProxy } from '../../testbed/storage-proxy.js'
import { Stage } from '../support/stage.js'

/** The example, with a build and a lock per machine, as the two deploy to different servers. */
const SHIPITFILE = `
import { writeFileSync } from 'node:fs'
import capistrano from 'shipit-capistrano'
import example from './shipitfile'
const { env } = process
export default shipit => {
  example(shipit)
  shipit.config.deployLock = { dir: '.lock' }
  shipit.config.netStorage.reuseArchive = env.REBUILD !== 'yes'
  capistrano(shipit).after('net_storage:prepare_archive', 'mark', () =>
    writeFileSync(shipit.netStorage.localReleaseAppPath + '/machine', env.MACHINE))
}
`

let stage: Stage
/** Stands for a second deploy machine. */
let elsewhere: string
let proxy: StorageProxy
beforeAll(async () => {
  stage = await Stage.create({ names: ['web1', 'web2'] })
  await stage.shipitfile('race.ts', SHIPITFILE)
  elsewhere = await mkdtemp(join(tmpdir(), 'elsewhere-'))
  await createProject(elsewhere)
  await writeFile(join(elsewhere, 'race.ts'), SHIPITFILE)
})
afterAll(async () => {
  await stage.close()
  await rm(elsewhere, { recursive: true, force: true })
})
beforeEach(async () => {
  proxy = await StorageProxy.start(inject('s3').endpoint)
  const waiting: (() => void)[] = []
  // Sends both manifests before either arrives.
  proxy.interfere = async ({ method, url }) => {
    if (method !== 'PUT' || !url?.includes('/manifests/')) return false
    await new Promise<void>((resolve) => {
      waiting.push(resolve)
      if (waiting.length === 2) for (const go of waiting) go()
    })
    return false
  }
})
afterEach(() => proxy.stop())

/** Deploys from two machines at once, to one server each. Returns the machine that built each server's release. */
async function deployTwice(env: NodeJS.ProcessEnv): Promise<string[]> {
  const runs = [stage.directory, elsewhere].map((cwd, index) =>
    startShipit('deploy', {
      cwd,
      shipitfile: join(cwd, 'race.ts'),
      env: {
        ...stage.env,
        ...env,
        S3_ENDPOINT: proxy.endpoint,
        MACHINE: `machine ${index + 1}`,
        HOSTS: `web${index + 1}`,
      },
    }),
  )
  for (const run of runs) {
    const status = await run.ended
    expect(run.output).toContain('is live on 1 server')
    expect(status).toBe(0)
  }
  return Promise.all(['web1', 'web2'].map((host) => readFile(stage.path(host, 'current/machine'), 'utf8')))
}

/** Keys of a commit's archives. Checks that its manifest matches one of them. */
async function archivesOf(revision: string): Promise<string[]> {
  const { content } = await stage.bucket.manifest(revision)
  const [part] = (JSON.parse(content) as { parts: { key: string; sha256: string }[] }).parts
  const archive = await stage.bucket.read(`shop/${part?.key}`)
  expect(createHash('sha256').update(archive).digest('hex')).toBe(part?.sha256)
  return (await stage.bucket.keys()).filter((key) => key.startsWith(`shop/archives/${revision}`))
}

it('lets one of two machines win a race to build the same commit, and removes the other archive', async () => {
  const revision = await stage.app.commit({ VERSION: '2\n' }, 'Version 2')
  const [one, two] = await deployTwice({})
  expect(one).toMatch(/^machine [12]$/)
  expect(two).toBe(one)
  expect(await archivesOf(revision)).toHaveLength(1)
})

it('lets each deploy its own if both rebuild, and keeps a manifest that matches its archive', async () => {
  const revision = await stage.app.commit({ VERSION: '3\n' }, 'Version 3')
  expect((await stage.run('net_storage:upload_archive')).status).toBe(0)
  expect(await deployTwice({ REBUILD: 'yes' })).toEqual(['machine 1', 'machine 2'])
  expect((await archivesOf(revision)).length).toBeGreaterThan(1)
})
