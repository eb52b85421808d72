import { mkdir, readdir, readFile, stat, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startShipit } from '../../testbed/shipit.js'
import { Stage } from '../support/stage.js'

/** The example with a second environment on another server that shares storage, and with few archives kept. */
const SHIPITFILE = `
import example from './shipitfile'
export default shipit => {
  example(shipit)
  const { default: all, production } = shipit.globalConfig
  const [web1, web2] = production.servers
  Object.assign(all.netStorage, { keepRemoteArchives: 1 }, JSON.parse(process.env.NET_STORAGE || '{}'))
  shipit.initConfig({
    default: { ...all, keepReleases: 1 },
    production: { ...production, servers: [web1] },
    staging: { ...production, servers: [web2] },
  })
  shipit.blTask('assets:build', () => {})
}
`

let stage: Stage
let shipitfile: string
beforeAll(async () => {
  stage = await Stage.create({ names: ['web1', 'web2'] })
  shipitfile = await stage.shipitfile('two.ts', SHIPITFILE)
})
afterAll(() => stage.close())

async function deploy(environment: string, settings: object = {}): Promise<string> {
  const env = { ...stage.env, NET_STORAGE: JSON.stringify(settings) }
  const run = startShipit('deploy', { cwd: stage.directory, env, environment, shipitfile })
  if ((await run.ended) !== 0) throw new Error(run.output)
  return run.output
}

const commit = (version: string): Promise<string> =>
  stage.app.commit({ VERSION: version }, `Version ${version}`)

async function revisionsInStorage(): Promise<string[]> {
  const keys = await stage.bucket.keys()
  return keys.flatMap((key) => /manifests\/([0-9a-f]{40})[-0-9a-f]*\.json$/.exec(key)?.[1] ?? [])
}

it("keeps what another environment's servers have, and logs what it removes", async () => {
  const shared = { buildKey: 'both' }
  const old = await commit('1')
  await deploy('staging', shared)
  const gone = await commit('2')
  await deploy('production', shared)
  const newest = await commit('3')
  const output = await deploy('production', shared)
  expect(output).toMatch(new RegExp(`Removed manifests/${gone}\\S*\\.json from storage`))
  expect(output).toMatch(/@web1 removed release \d{14}/)
  expect(output).toMatch(/@web1 removed archive [0-9a-f]{40}-\d{14}\.tar\.gz/)
  const kept = await revisionsInStorage()
  expect(kept).toContain(old)
  expect(kept).toContain(newest)
  expect(kept).not.toContain(gone)

  // Staging's archive can be deployed again without a build, and is removed once no server has it.
  expect(await deploy('staging', shared)).toContain('Reusing')
  await commit('5')
  await deploy('staging', shared)
  expect(await revisionsInStorage()).not.toContain(old)
})

it('removes release trees of killed runs from the deploy machine, and keeps those in use', async () => {
  const releases = join(stage.directory, '.local_net_storage/releases')
  const [left, fresh] = [join(releases, '20200101000000'), join(releases, '20200101000001')]
  for (const path of [left, fresh]) await mkdir(path, { recursive: true })
  await utimes(left, 1, 1)
  await deploy('production')
  expect(await readdir(releases)).toEqual(['20200101000001'])
})

it('removes old downloads from servers, but only files named like archives', async () => {
  const archives = stage.path('web1', 'net_storage_archives')
  const name = `${'a'.repeat(40)}-20200101000000.tar.gz`
  const old = [`${name}.part`, `${name}.part.ranges`, name]
  const others = ['notes.txt', 'my film.part', 'deeper/another.part', `deeper/${name}`]
  await mkdir(join(archives, 'deeper'))
  for (const each of [...old, ...others]) {
    await writeFile(join(archives, each), 'x')
    await utimes(join(archives, each), 1, 1)
  }
  await writeFile(join(archives, `${name}.part.range-0`), 'under way')
  expect(await deploy('production')).toContain(`@web1 removed archive ${name}`)
  const left = await readdir(archives, { recursive: true })
  for (const each of others) expect(left).toContain(each)
  for (const each of old) expect(left).not.toContain(each)
  expect(left).toContain(`${name}.part.range-0`)
})

it('reports a config file glob without matches before anything is deployed', async () => {
  const before = await stage.releases('web1')
  const settings = { configFiles: ['config/production/*.json', 'config/none/*.json'] }
  await expect(deploy('production', settings)).rejects.toThrow(
    /netStorage\.configFiles: 'config\/none\/\*\.json' matches no file in .*\[E_CONFIG_FILES\]/,
  )
  expect(await stage.releases('web1')).toEqual(before)
})

it('passes options to rsync, and keeps config files out of storage', async () => {
  await commit('options')
  const settings = { uploadConfigFilesBy: 'rsync', rsyncOptions: ['--exclude=*.yml'] }
  await writeFile(join(stage.directory, 'config/production/left-out.yml'), 'x')
  await deploy('production', { ...settings, configFiles: ['config/production/*'] })
  expect(await readdir(stage.path('web1', 'current/config'))).toContain('database.json')
  expect(await readdir(stage.path('web1', 'current/config'))).not.toContain('left-out.yml')
  const keys = await stage.bucket.keys()
  expect(keys.some((key) => key.endsWith('.tar.gz'))).toBe(true)
  for (const key of keys) {
    const stored = Buffer.from(await stage.bucket.read(key))
    const content = key.endsWith('.gz') ? gunzipSync(stored) : stored
    expect(content.includes('canary-password')).toBe(false)
  }
})

it('sends config files with the configured permissions, over ssh and with rsync', async () => {
  await writeFile(join(stage.directory, "config/production/it's $(odd).json"), 'odd')
  for (const uploadConfigFilesBy of ['ssh', 'rsync']) {
    await commit(`config ${uploadConfigFilesBy}`)
    const output = await deploy('production', {
      uploadConfigFilesBy,
      configFileMode: 0o600,
      configDir: 'deep/settings',
    })
    expect(output).toContain('Sent 2 config files to 1 server.')
    const config = stage.path('web1', 'current/deep/settings')
    expect(await readFile(join(config, 'database.json'), 'utf8')).toContain('canary-password')
    expect(await readFile(join(config, "it's $(odd).json"), 'utf8')).toBe('odd')
    expect((await stat(join(config, 'database.json'))).mode & 0o777).toBe(0o600)
    expect(output).not.toContain('canary-password')
    expect(await readdir(stage.path('web1', 'releases'))).toHaveLength(1)
  }
})
