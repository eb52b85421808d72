import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Lock } from 'shipit-deploy-locker'
import { S3LockStore, S3Transport, type S3TransportOptions } from 'shipit-net-storage-s3'
import { transportContract } from 'shipit-net-storage/testing'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { S3Server } from '../../testbed/s3-server.js'
import { createProject, startShipit } from '../../testbed/shipit.js'
import { startSwift } from '../../testbed/swift.js'
import { Bucket } from '../support/bucket.js'

let directory: string
let swift: S3Server
let bucket: Bucket
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'swift-'))
  swift = await startSwift(directory)
  bucket = await Bucket.create(swift)
})
afterAll(async () => {
  await swift?.stop()
  await rm(directory, { recursive: true, force: true })
})

let tests = 0

/** A transport in its own folder. */
function transport(options: Partial<S3TransportOptions> = {}): S3Transport {
  const { endpoint, region, accessKeyId, secretAccessKey } = swift
  return new S3Transport({
    bucket: bucket.name,
    prefix: `test-${(tests += 1)}`,
    endpoint,
    region,
    forcePathStyle: true,
    credentials: { accessKeyId, secretAccessKey },
    ...options,
  })
}

transportContract({
  it,
  create: async () => transport(),
  createBroken: async () => transport({ bucket: 'no-such-bucket' }),
})

it('reports that it does not honour conditional writes', async () => {
  expect(await transport().check()).toEqual([expect.stringContaining('does not honour conditional writes')])
})

it('is rejected for a lock', async () => {
  const { endpoint, region, accessKeyId, secretAccessKey } = swift
  const credentials = { accessKeyId, secretAccessKey }
  const lock = new S3LockStore({ bucket: bucket.name, endpoint, region, forcePathStyle: true, credentials })
  const refused = { code: 'E_S3_CONDITIONS', message: expect.stringContaining('knows no conditional writes') }
  await expect(lock.check()).rejects.toMatchObject(refused)
  await expect(new Lock(lock).acquire({ key: 'shop', user: 'alice', reason: 'hers' })).rejects.toMatchObject(
    refused,
  )
})

it("keeps the lock in the user's folder instead, and logs it", async () => {
  const project = join(directory, 'project')
  await mkdir(project)
  await createProject(project)
  const run = async (task: string, env: NodeJS.ProcessEnv = {}): Promise<[number | string, string]> => {
    const started = startShipit(task, {
      cwd: project,
      env: {
        PATH: process.env['PATH'],
        HOME: project,
        USER: 'alice',
        S3_BUCKET: bucket.name,
        S3_ENDPOINT: swift.endpoint,
        S3_REGION: swift.region,
        AWS_ACCESS_KEY_ID: swift.accessKeyId,
        AWS_SECRET_ACCESS_KEY: swift.secretAccessKey,
        ...env,
      },
    })
    return [await started.ended, started.output]
  }
  const [status, output] = await run('deploy:lock')
  expect(output).toContain(
    `Locked shop.production, against other deploys of this user on this machine: s3://${bucket.name}/shop does not honour conditional writes, so it can't keep a lock for several machines.`,
  )
  expect(status).toBe(0)
  expect((await run('deploy:freeze', { FREEZE_REASON: 'an incident' }))[0]).toBe(0)
  expect((await run('deploy:lock:check'))[1]).toContain('[E_FROZEN]')
  expect((await run('deploy:lock:check', { XDG_STATE_HOME: join(directory, 'other') }))[0]).toBe(0)
  expect((await bucket.keys()).filter((key) => key.includes('locks/'))).toEqual([])
})

it('aborts unfinished uploads', async () => {
  const key = await bucket.beginUpload('left/archives/one')
  const left = transport({ prefix: 'left' })
  expect(await left.removeUnfinished(new Date(Date.now() - 3600_000))).toEqual([])
  expect(await left.removeUnfinished(new Date(Date.now() + 3600_000))).toEqual(['archives/one'])
  expect(await bucket.unfinishedUploads()).not.toContain(key)
})
