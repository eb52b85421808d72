import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import { archiverContract } from 'shipit-net-storage/testing'
import { TarGzip, TarZstd, Zip } from 'shipit-net-storage'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { Stage } from '../support/stage.js'

/** The example with other `netStorage` settings, and without its build. */
const SHIPITFILE = `
import example from './shipitfile'
export default shipit => {
  example(shipit)
  Object.assign(shipit.config.netStorage, JSON.parse(process.env.NET_STORAGE))
  shipit.blTask('assets:build', () => console.log('built in ' + shipit.netStorage.localReleaseAppPath))
}
`

/** Programs of a server that can unpack everything but `tar.zst`. */
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

describe('zip', () => {
  archiverContract({ it, create: () => new Zip() })

  it('packs more than it reads at a time', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'zip-'))
    try {
      for (const name of ['a', 'b', 'c', 'd']) await writeFile(join(folder, name), randomBytes(9 << 20))
      await pipeline(new Zip().pack(folder, { mtime: 1_700_000_000 }), createWriteStream(`${folder}.zip`))
      execFileSync('unzip', ['-q', `${folder}.zip`, '-d', `${folder}.out`])
      expect(execFileSync('diff', ['-r', folder, `${folder}.out`], { encoding: 'utf8' })).toBe('')
    } finally {
      for (const end of ['', '.zip', '.out']) await rm(`${folder}${end}`, { recursive: true, force: true })
    }
  })

  it('does not depend on the time zone, and rejects names that it cannot store', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'zip-'))
    try {
      await writeFile(join(folder, 'file'), 'x')
      const pack = (): Promise<Buffer> => buffer(new Zip().pack(folder, { mtime: 1_700_000_000 }))
      vi.stubEnv('TZ', 'Asia/Tokyo')
      const tokyo = await pack()
      vi.stubEnv('TZ', 'America/Lima')
      expect((await pack()).equals(tokyo)).toBe(true)
      await writeFile(join(folder, 'back\\slash'), 'x')
      await expect(pack()).rejects.toMatchObject({ code: 'E_TREE' })
    } finally {
      vi.unstubAllEnvs()
      await rm(folder, { recursive: true })
    }
  })
})

describe('an archiver', () => {
  afterEach(() => vi.unstubAllEnvs())

  it('reports that zstd is missing', async () => {
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

  it('uses tar.zst, and rejects servers without zstd before anything is built', async () => {
    const refused = await deploy({ archiver: 'tar.zst' }, { HOSTS: 'web1,old' })
    expect(refused.status).toBe(1)
    expect(refused.output).toMatch(/1 of 2 servers failed:\s+old: these programs are missing: zstd/)
    expect(refused.output).not.toContain('Building')

    const { status, output } = await deploy({ archiver: 'tar.zst' })
    expect(output).toMatch(/Uploaded .*\.tar\.zst/)
    expect(status).toBe(0)
    expect((await stage.live())[0]).toBe(await stage.app.git('rev-parse', 'HEAD'))
  })

  it('uses zip', async () => {
    const { status, output } = await deploy({ archiver: 'zip', reuseArchive: false })
    expect(output).toMatch(/Uploaded .*\.zip/)
    expect(status).toBe(0)
    expect((await stage.live())[0]).toBe(await stage.app.git('rev-parse', 'HEAD'))
    expect((await stat(stage.path('web1', 'current/bin/start'))).mode & 0o777).toBe(0o755)
    expect((await deploy({ archiver: 'tar.zst', reuseArchive: false })).status).toBe(0)
  })

  it('builds again if the archive in storage was built differently, and reports how', async () => {
    expect((await deploy({ archiver: 'tar.zst' })).output).toContain('Reusing archives/')
    const { status, output } = await deploy({})
    expect(output).toMatch(
      /in storage does not match: archiver was tar\.zst, now tar\.gz; archiver level was 3, now not set\./,
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
      'build hooks': 'assets:build',
      builders: null,
      content: null,
      dirToCopy: null,
      ignores: null,
      submodules: false,
      installer: 'none',
    })
  })

  it('deploys only a folder of the repository', async () => {
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

  it('reports all invalid settings', async () => {
    const { status, output } = await deploy({ archiver: 'tar.bz2', repoTree: '../up', multiAppMode: 'yes' })
    expect(status).toBe(1)
    expect(output).toContain(
      "netStorage.archiver: expected tar.gz, tar.zst, zip, or an Archiver; got 'tar.bz2'",
    )
    expect(output).toContain("netStorage.repoTree: expected a folder of the repository; got '../up'")
    expect(output).toContain("netStorage.multiAppMode: expected true or false; got 'yes'")
  })
})
