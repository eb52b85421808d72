import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { transportContract } from 'shipit-net-storage/testing'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { WebDavTransport } from '../../docs/examples/webdav-transport.js'
import { startWebDav, type WebDavServer } from '../../testbed/webdav.js'
import { Stage } from '../support/stage.js'

let directory: string
let server: WebDavServer
let tests = 0
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'webdav-'))
  server = await startWebDav(directory)
})
afterAll(async () => {
  await server.stop()
  await rm(directory, { recursive: true, force: true })
})

const create = async (): Promise<WebDavTransport> =>
  new WebDavTransport({ ...server, url: `${server.url}/test-${(tests += 1)}` })

transportContract({
  it,
  create,
  createBroken: async () => new WebDavTransport({ ...server, password: 'wrong' }),
})

it('deploys without the password in the log', async () => {
  const stage = await Stage.create({ names: ['web1'] })
  try {
    const shipitfile = await stage.shipitfile(
      'webdav.ts',
      `import { WebDavTransport } from ${JSON.stringify(new URL('../../docs/examples/webdav-transport', import.meta.url).pathname)}
       import example from './shipitfile'
       export default shipit => {
         example(shipit)
         const { WEBDAV_URL: url, WEBDAV_USER: user, WEBDAV_PASSWORD: password } = process.env
         shipit.config.netStorage.transport = new WebDavTransport({ url, user, password })
         shipit.config.netStorage.configFiles = []
       }`,
    )
    const env = {
      WEBDAV_URL: `${server.url}/shop`,
      WEBDAV_USER: server.user,
      WEBDAV_PASSWORD: server.password,
    }
    const { status, output } = await stage.run('deploy', env, shipitfile)
    expect(output).toContain('is live on 1 server.')
    expect(status).toBe(0)
    expect(output).toContain(`Uploaded ${server.url}/shop/archives/`)
    for (const secret of [
      server.password,
      Buffer.from(`${server.user}:${server.password}`).toString('base64'),
    ]) {
      expect(output).not.toContain(secret)
    }
  } finally {
    await stage.close()
  }
})
