import { readFile, readdir, stat } from 'node:fs/promises'
import type { Manifest } from 'shipit-net-storage'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Stage } from '../support/stage.js'

describe('a deploy with the example shipitfile, end to end', () => {
  let stage: Stage
  let first: string
  let second: string
  beforeAll(async () => {
    stage = await Stage.create()
    first = await stage.app.git('rev-parse', 'HEAD')
  })
  afterAll(() => stage.close())

  it('is planned first, without locking, building or uploading', async () => {
    const { status, output } = await stage.run('deploy:plan')
    expect(status).toBe(0)
    expect(output).toContain(`Revision: ${first}`)
    expect(output).toMatch(/^ +web2 +nothing deployed yet$/m)
    expect(output).toMatch(
      /^ +\d+\. deploy:lock +deploy machine +Takes the deploy lock \(before deploy:starting\)$/m,
    )
    expect(output).toMatch(
      /^ +\d+\. assets:build .*\(after net_storage:prepare_archive\) \(during net_storage:upload_archive\)$/m,
    )
    expect(output).not.toContain('Locked')
    expect(await stage.bucket.keys()).toEqual([])
    expect(await readdir(stage.fleet.host('web1').home)).toEqual([])
  })

  it('deploys a commit to every server, over one connection each', async () => {
    const before = await stage.connections()
    const { status, output } = await stage.run('deploy')
    expect(output).toContain('is live on 3 servers')
    expect(status).toBe(0)
    expect(await stage.live()).toEqual([first, first, first])
    const connections = await stage.connections()
    expect(connections.map((count, index) => count - (before[index] ?? 0))).toEqual([1, 1, 1])
  })

  it('leaves archive and manifest in storage, config files on the servers, and no lock', async () => {
    expect((await stage.bucket.keys()).sort()).toEqual([
      expect.stringMatching(new RegExp(`^shop/archives/${first}-\\d{14}\\.tar\\.gz$`)),
      'shop/in_use/shop.production.json',
      'shop/locks/shop.production.json',
      (await stage.bucket.manifest(first)).key,
    ])
    // The same user as in the deploys' logs.
    const manifest = JSON.parse((await stage.bucket.manifest(first)).content) as Manifest
    expect(manifest.createdBy).toMatch(/^tester@/)
    const config = stage.path('web2', 'current/config/database.json')
    expect(await readFile(config, 'utf8')).toContain('canary-password')
    expect((await stat(config)).mode & 0o777).toBe(0o640)
    expect(await readFile(stage.path('web3', 'current/public/build.json'), 'utf8')).toContain('"1"')
    const log = await readFile(stage.path('web1', 'revisions.log'), 'utf8')
    expect(log).toMatch(new RegExp(`^Branch main \\(at ${first}\\) deployed as release \\d{14} by tester\n$`))
    expect(await stage.locks()).toEqual([])
  })

  it('prints no secrets', async () => {
    const { output } = await stage.run('deploy', { DEBUG: '*' })
    for (const secret of ['X-Amz-Signature', 'canary-password', String(stage.env['AWS_SECRET_ACCESS_KEY'])]) {
      expect(output).not.toContain(secret)
    }
  })

  it('reuses the archive of the same commit without building', async () => {
    const { status, output } = await stage.run('deploy')
    expect(status).toBe(0)
    expect(output).toMatch(/Reusing archives\//)
    expect(output).toContain('a verified copy')
    expect(output).not.toContain("Running 'assets:build'")
    expect(await stage.bucket.keys()).toHaveLength(4)
    expect(await stage.releases('web1')).toHaveLength(3)
  })

  it('deploys a new commit, and rolls back', async () => {
    second = await stage.app.commit({ VERSION: '2\n' }, 'Version 2')
    expect((await stage.run('deploy')).status).toBe(0)
    expect(await stage.live()).toEqual([second, second, second])
    const { status, output } = await stage.run('rollback')
    expect(output).toContain('Rolling back from release')
    expect(status).toBe(0)
    expect(await stage.live()).toEqual([first, first, first])
  })

  it('rolls back to ROLLBACK_RELEASE, or lists the available releases', async () => {
    const newest = (await stage.releases('web1')).at(-1)
    expect((await stage.run('rollback', { ROLLBACK_RELEASE: newest })).status).toBe(0)
    expect(await stage.live()).toEqual([second, second, second])
    const { status, output } = await stage.run('rollback', { ROLLBACK_RELEASE: '20000101000000' })
    expect(status).toBe(1)
    expect(output).toContain(String(newest))
    expect(await stage.live()).toEqual([second, second, second])
  })

  it('builds again if the archive is missing from storage', async () => {
    const third = await stage.app.commit({ VERSION: '3\n' }, 'Version 3')
    expect((await stage.run('net_storage:upload_archive')).status).toBe(0)
    const key = (await stage.bucket.keys()).find((each) => each.includes(`archives/${third}`)) ?? ''
    await stage.bucket.remove(key)
    const { status, output } = await stage.run('deploy')
    expect(output).toContain('is missing from storage')
    expect(status).toBe(0)
    expect(await stage.live()).toEqual([third, third, third])
  })

  it('keeps five releases, and their archives, on servers', async () => {
    for (const version of [4, 5, 6]) {
      await stage.app.commit({ VERSION: `${version}\n` }, `Version ${version}`)
      expect((await stage.run('deploy')).status).toBe(0)
    }
    expect(await stage.releases('web1')).toHaveLength(5)
    expect(await readdir(stage.path('web1', 'net_storage_archives'))).toHaveLength(5)
  })
})
