import { mkdir, rm, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { StorageProxy } from '../../testbed/storage-proxy.js'
import { Stage } from '../support/stage.js'

/** Programs of a server that can do everything but download. */
const TOOLS = [
  'sh',
  'tar',
  'gzip',
  'sha256sum',
  'cat',
  'cut',
  'wc',
  'tr',
  'mkdir',
  'mv',
  'rm',
  'ln',
  'readlink',
  'find',
  'sleep',
  'grep',
]

/** The example, with one retry of downloads. */
const ONCE = `
import example from './shipitfile'
export default shipit => {
  example(shipit)
  shipit.config.netStorage.retries = 1
}
`

describe('a deploy that cannot work', () => {
  let stage: Stage
  let live: (string | undefined)[]
  beforeAll(async () => {
    stage = await Stage.create()
    await stage.run('deploy')
    live = await stage.live()
    await stage.app.commit({ VERSION: '2\n' }, 'Version 2')
  })
  afterAll(() => stage.close())

  /** Expects status 1, one clear error, finished failure tasks, and an untouched current on every server. */
  async function refused(env: NodeJS.ProcessEnv = {}): Promise<string> {
    const { status, output } = await stage.run('deploy', env)
    expect(status).toBe(1)
    expect(output).toContain("Running 'deploy:failed'")
    expect(output).toContain("Finished 'deploy:unlock'")
    expect(output).not.toMatch(/^\s+at /m)
    expect(live).toHaveLength(3)
    expect(live).not.toContain(undefined)
    expect(await stage.live()).toEqual(live)
    return output
  }

  it('without its bucket', async () => {
    expect(await refused({ S3_BUCKET: 'no-such-bucket' })).toMatch(/no-such-bucket.*\[E_S3_BUCKET\]/s)
  })

  it('with wrong credentials', async () => {
    const output = await refused({ AWS_SECRET_ACCESS_KEY: 'canary-wrong-secret' })
    expect(output).toContain('[E_S3_ACCESS]')
    expect(output).not.toContain('canary-wrong-secret')
  })

  it('without its storage', async () => {
    expect(await refused({ S3_ENDPOINT: 'http://127.0.0.1:1' })).toContain('[E_S3_UNREACHABLE]')
  })

  it('reports repository, storage and config files together', async () => {
    const output = await refused({ BRANCH: 'mian', S3_BUCKET: 'no-such-bucket' })
    expect(output).toContain("'mian'")
    expect(output).toContain('no-such-bucket')
  })

  it('with a failing build, which is named instead of the task that runs it', async () => {
    await stage.app.git('checkout', '--quiet', '-b', 'broken')
    await stage.app.commit({ 'build.js': "console.error('no such module')\nprocess.exit(3)\n" }, 'Broken')
    await stage.app.git('checkout', '--quiet', 'main')
    const output = await refused({ BRANCH: 'broken' })
    expect(output).toContain("Failed in 'assets:build'.")
    expect(output).toMatch(/^'assets:build' errored after/m)
    expect(output).not.toMatch(/'net_storage:upload_archive' (errored|failed)/)
    expect(output.match(/^.*exited with status 3.*$/gm)).toHaveLength(1)
  })

  it('with a deployTo that is not writable', async () => {
    const { home } = stage.fleet.host('web2')
    await symlink('/proc/sys', `${home}/locked`)
    const output = await refused({ DEPLOY_TO: 'locked/shop' })
    expect(output).toMatch(/1 of 3 servers failed:\s+web2: .*cannot create locked\/shop/s)
    await rm(`${home}/locked`)
  })

  it('with a current that is a folder', async () => {
    await mkdir(join(stage.fleet.host('web1').home, 'other/current'), { recursive: true })
    const output = await refused({ DEPLOY_TO: 'other' })
    expect(output).toMatch(/web1: other\/current is not a symbolic link/)
  })

  it('with a server that is down', async () => {
    await stage.fleet.host('web3').stop()
    const output = await refused()
    expect(output).toMatch(/1 of 3 servers failed:\s+web3: cannot connect with ssh/)
    await stage.fleet.host('web3').start()
  })

  it('and then works without cleaning up', async () => {
    expect((await stage.run('deploy')).status).toBe(0)
  })
})

describe('servers with few tools', () => {
  let stage: Stage
  beforeAll(async () => {
    stage = await Stage.create({ paths: { web2: TOOLS, web3: [...TOOLS, 'wget'] } })
  })
  afterAll(() => stage.close())

  it('work with only wget, and without any download program', async () => {
    const { status, output } = await stage.run('deploy')
    expect(output).toContain(
      '@web2 neither curl nor GNU wget is installed: sending it from this machine over ssh.',
    )
    expect(output).not.toContain('@web3 neither curl')
    expect(output).toContain('is live on 3 servers')
    expect(status).toBe(0)
    expect(new Set(await stage.live()).size).toBe(1)
  })

  it('are sent the whole archive again if storage breaks off, or are named with the cause', async () => {
    const proxy = await StorageProxy.start(inject('s3').endpoint)
    const env = { HOSTS: 'web2', S3_ENDPOINT: proxy.endpoint }
    const breakOff = (times: number): void => {
      let broken = 0
      proxy.interfere = ({ method, url }, response) => {
        if (method !== 'GET' || !url?.includes('/archives/') || (broken += 1) > times) return false
        response.writeHead(200, { 'content-length': 100_000 })
        response.write(Buffer.alloc(700), () => response.destroy())
        return true
      }
    }
    const before = await stage.live()
    await stage.app.commit({ VERSION: '2\n' }, 'Version 2')
    breakOff(Infinity)
    const failed = await stage.run('deploy', env, await stage.shipitfile('once.ts', ONCE))
    expect(failed.output).toMatch(
      /1 of 1 server failed:\s+web2: cannot relay the archive: download from storage failed \((aborted|terminated)\) \[E_SERVERS\]/,
    )
    expect(failed.output).not.toMatch(/is not what was uploaded|^\s+at /m)
    expect(failed.output.split('retrying')).toHaveLength(2)
    expect(await stage.live()).toEqual(before)

    breakOff(1)
    const { status, output } = await stage.run('deploy', env)
    await proxy.stop()
    expect(output).toContain(
      '@web2 cannot relay the archive: download from storage failed (aborted); retrying (1 of 3)',
    )
    expect(status).toBe(0)
    expect((await stage.live())[1]).toBe(await stage.app.git('rev-parse', 'HEAD'))
  })
})
