import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { archiverContract } from 'shipit-net-storage/testing'
import { TarGzip, TarZstd } from 'shipit-net-storage'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { Stage } from './support/stage.js'

/** The example with other settings under `netStorage`, and without its build. */
const SHIPITFILE = `
import example from './shipitfile'
export default shipit => {
  example(shipit)
  Object.assign(shipit.config.netStorage, JSON.parse(process.env.NET_STORAGE))
  shipit.blTask('assets:build', () => console.log('built in ' + shipit.netStorage.localReleaseAppPath))
}
`

/** What a server has that can do everything but \`tar.zst\`. */
const WITHOUT_ZSTD = [
  'sh',
  'cat',
  'tar',
  'gzip',
  'curl',
  'sha256sum',
  'mkdir',
  'mv',
  'rm',
  'ln',
  'ls',
  'wc',
  'tr',
  'cut',
  'readlink',
  'find',
  'grep',
  'tail',
]

describe('tar.gz', () => {
  archiverContract({ it, create: () => new TarGzip() })
})

describe('tar.zst', () => {
  archiverContract({ it, create: () => new TarZstd() })
})

describe('an archiver', () => {
  afterEach(() => vi.unstubAllEnvs())

  it('says that zstd is missing', async () => {
    vi.stubEnv('PATH', '/nowhere')
    await expect(new TarZstd().check()).rejects.toMatchObject({
      code: 'E_ARCHIVER',
      message: expect.stringContaining('install it'),
    })
  })
})

describe('a deploy', () => {
  let stage: Stage
  let shipitfile: string
  beforeAll(async () => {
    stage = await Stage.create({ names: ['web1', 'old'], paths: { old: WITHOUT_ZSTD } })
    shipitfile = await stage.shipitfile('settings.ts', SHIPITFILE)
  })
  afterAll(() => stage.close())

  const deploy = (
    settings: object,
    env: NodeJS.ProcessEnv = {},
  ): Promise<{ status: number | string; output: string }> =>
    stage.run('deploy', { HOSTS: 'web1', ...env, NET_STORAGE: JSON.stringify(settings) }, shipitfile)

  it('goes with tar.zst, and refuses servers that lack zstd before anything is built', async () => {
    const refused = await deploy({ archiver: 'tar.zst' }, { HOSTS: 'web1,old' })
    expect(refused.status).toBe(1)
    expect(refused.output).toMatch(/1 of 2 servers failed:\s+old: these programs are missing: zstd/)
    expect(refused.output).not.toContain('Building')

    const { status, output } = await deploy({ archiver: 'tar.zst' })
    expect(output).toMatch(/Uploaded .*\.tar\.zst/)
    expect(status).toBe(0)
    expect((await stage.live())[0]).toBe(await stage.app.git('rev-parse', 'HEAD'))
  })

  it('builds again when the archive in storage was made with something else, and says with what', async () => {
    expect((await deploy({ archiver: 'tar.zst' })).output).toContain('Reusing archives/')
    const { status, output } = await deploy({})
    expect(output).toMatch(
      /built with something else: archiver was tar\.zst, and is tar\.gz; archiver level was 3, and is not set\./,
    )
    expect(status).toBe(0)
    expect((await deploy({})).output).toContain('Reusing archives/')
    const manifest = JSON.parse(
      Buffer.from(
        await stage.bucket.read((await stage.bucket.keys()).find((key) => key.includes('manifests/')) ?? ''),
      ).toString(),
    ) as { builtWith: object }
    expect(manifest.builtWith).toEqual({
      archiver: 'tar.gz',
      node: process.version,
      repoTree: null,
      multiAppMode: false,
      submodules: false,
    })
  })

  it('deploys a folder of the repository alone', async () => {
    await mkdir(join(stage.app.directory, 'services/api shop'), { recursive: true })
    await writeFile(join(stage.app.directory, 'services/api shop/run'), '#!/bin/sh\n')
    await chmod(join(stage.app.directory, 'services/api shop/run'), 0o755)
    const revision = await stage.app.commit({}, 'A service')
    const { status } = await deploy({ repoTree: 'services/api shop' })
    expect(status).toBe(0)
    const files = (await readdir(stage.path('web1', 'current'))).sort()
    expect(files).toEqual(['REVISION', 'REVISION_TIME', 'config', 'run'])
    expect((await stage.live())[0]).toBe(revision)
    const missing = await deploy({ repoTree: 'services/none' })
    expect(missing.status).toBe(1)
    expect(missing.output).toMatch(/commit [0-9a-f]{40} has no folder 'services\/none'\. \[E_REPO_TREE\]/)
  })

  it('deploys all applications of a repository, and builds and configures its own', async () => {
    expect((await deploy({ multiAppMode: true })).output).toMatch(/has no folder 'shop', .*\[E_APPLICATION\]/)
    await stage.app.commit({ 'shop/index.js': 'shop', 'admin/index.js': 'admin' }, 'Two applications')
    const { status, output } = await deploy({ multiAppMode: true })
    expect(status).toBe(0)
    expect(output).toMatch(/built in .*\/releases\/\d{14}\/shop$/m)
    expect(await readFile(stage.path('web1', 'current/admin/index.js'), 'utf8')).toBe('admin')
    expect(await readFile(stage.path('web1', 'current/shop/config/database.json'), 'utf8')).toContain(
      'password',
    )
  })

  it('is told all that is wrong with its settings', async () => {
    const { status, output } = await deploy({ archiver: 'tar.bz2', repoTree: '../up', multiAppMode: 'yes' })
    expect(status).toBe(1)
    expect(output).toContain(
      "netStorage.archiver: expected tar.gz, tar.zst, or an Archiver; given was 'tar.bz2'",
    )
    expect(output).toContain("netStorage.repoTree: expected a folder of the repository; given was '../up'")
    expect(output).toContain("netStorage.multiAppMode: expected true or false; given was 'yes'")
  })
})
