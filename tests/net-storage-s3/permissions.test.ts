import {
  GetObjectTaggingCommand,
  HeadObjectCommand,
  PutBucketPolicyCommand,
  type S3Client,
} from '@aws-sdk/client-s3'
import { fromTemporaryCredentials } from '@aws-sdk/credential-providers'
import { readFile, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Lock, type LockStore } from 'shipit-deploy-locker'
import { S3Transport, type S3TransportOptions } from 'shipit-net-storage-s3'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { KMS_KEY } from '../../testbed/ceph-config.js'
import { startRadosgw, type Radosgw } from '../../testbed/radosgw.js'
import type { S3Access } from '../../testbed/s3-server.js'
import { Bucket } from '../support/bucket.js'

interface Statement {
  Effect: string
  Action: string | string[]
  Resource: string | string[]
}

let directory: string
let server: Radosgw
let deployer: S3Access
let bucket: Bucket
let owner: S3Client
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'permissions-'))
  server = await startRadosgw(directory, { temporaryCredentials: true })
  deployer = await server.createUser('deployer')
  bucket = await Bucket.create(server)
  owner = bucket.client
})
afterAll(async () => {
  await server?.stop()
  await rm(directory, { recursive: true, force: true })
})

/** A transport with the permissions in the bucket's policy, unless `access` is the owner's. */
function transport(options: Partial<S3TransportOptions> = {}, access: S3Access = deployer): S3Transport {
  const { endpoint, region, accessKeyId, secretAccessKey } = access
  const credentials = { accessKeyId, secretAccessKey }
  return new S3Transport({
    bucket: bucket.name,
    prefix: 'shop',
    endpoint,
    region,
    forcePathStyle: true,
    credentials,
    ...options,
  })
}

/** Sets the policy from the docs, without some of its actions. */
async function allow(file: string, without: readonly string[] = [], condition: object = {}): Promise<void> {
  const text = await readFile(new URL(`../../docs/examples/${file}`, import.meta.url), 'utf8')
  const policy = JSON.parse(text.replaceAll('BUCKET', bucket.name).replaceAll('PREFIX', 'shop')) as {
    Statement: Statement[]
  }
  // Denied explicitly: in this storage, the writer of an object may always read it.
  const resources = policy.Statement.flatMap(({ Resource }) => Resource)
  const denied = { Effect: 'Deny', Action: without, Resource: resources }
  const Statement = [...policy.Statement, ...(without.length > 0 ? [denied] : [])].map((each) => ({
    ...each,
    Principal: { AWS: ['arn:aws:iam:::user/deployer'] },
    ...(each.Action.includes('s3:ListBucket') ? condition : {}),
  }))
  await owner.send(
    new PutBucketPolicyCommand({ Bucket: bucket.name, Policy: JSON.stringify({ ...policy, Statement }) }),
  )
}

describe('the check', () => {
  it('passes with the smallest policy, and leaves nothing behind', async () => {
    await allow('s3-policy-deploy-machine.json')
    expect(await transport().check()).toEqual([])
    expect(await transport().removeUnfinished(new Date())).toEqual([])
    expect(await transport().lock()).toMatchObject({ description: `s3://${bucket.name}/shop` })
    expect(await bucket.keys()).toEqual([])
    expect(await bucket.unfinishedUploads()).toEqual([])
  })

  it.each([
    [['s3:ListBucket']],
    [['s3:PutObject']],
    [['s3:GetObject']],
    [['s3:DeleteObject']],
    [['s3:AbortMultipartUpload']],
    [['s3:ListBucket', 's3:PutObject', 's3:DeleteObject']],
  ])('names what is missing without %j', async (missing) => {
    await allow('s3-policy-deploy-machine.json', missing)
    const error: unknown = await transport()
      .check()
      .catch((reason: unknown) => reason)
    const permissions = missing.map((action) =>
      action === 's3:ListBucket'
        ? `s3:ListBucket on arn:aws:s3:::${bucket.name}`
        : `${action} on arn:aws:s3:::${bucket.name}/shop/*`,
    )
    expect(error).toMatchObject({
      code: 'E_S3_PERMISSIONS',
      showStack: false,
      message: [
        `s3://${bucket.name}/shop denies what a deploy needs. Grant the credentials these permissions:`,
        ...permissions,
      ].join('\n  '),
    })
    // For the next test.
    for (const key of await bucket.keys()) await bucket.remove(key)
  })

  it('requires an unconditional s3:ListBucket, without which missing objects are not reported', async () => {
    const condition = { Condition: { StringLike: { 's3:prefix': 'shop/*' } } }
    await allow('s3-policy-deploy-machine.json', [], condition)
    await expect(transport().stat('absent')).rejects.toMatchObject({ code: 'E_S3_PERMISSIONS' })
    await expect(transport().check()).rejects.toMatchObject({
      message: expect.stringContaining(`s3:ListBucket on arn:aws:s3:::${bucket.name}`),
    })
  })

  it('fails outside the prefix', async () => {
    await allow('s3-policy-deploy-machine.json')
    await expect(transport({ prefix: 'other' }).check()).rejects.toMatchObject({
      code: 'E_S3_PERMISSIONS',
      message: expect.stringContaining(`s3:PutObject on arn:aws:s3:::${bucket.name}/other/*`),
    })
  })
})

it('names the permission that a request lacks', async () => {
  await allow('s3-policy-servers.json')
  await expect(transport().put('archives/a', Buffer.from('x'))).rejects.toMatchObject({
    code: 'E_S3_PERMISSIONS',
    message: expect.stringContaining(`denies s3:PutObject on arn:aws:s3:::${bucket.name}/shop/*`),
  })
  await expect(transport().removeUnfinished(new Date())).rejects.toMatchObject({
    message: expect.stringContaining(`s3:ListBucketMultipartUploads on arn:aws:s3:::${bucket.name}:`),
  })
  await transport({}, server).put('archives/a', Buffer.from('for servers'))
  expect(Buffer.from((await transport().get('archives/a')) ?? '').toString()).toBe('for servers')
})

describe('temporary credentials', () => {
  const temporary = async (seconds: number): Promise<NonNullable<S3TransportOptions['credentials']>> => {
    const { endpoint, region, accessKeyId, secretAccessKey } = server
    return fromTemporaryCredentials({
      params: { RoleArn: await role, RoleSessionName: 'deploy', DurationSeconds: seconds },
      masterCredentials: { accessKeyId, secretAccessKey },
      clientConfig: { endpoint, region },
    })
  }
  let role: Promise<string>
  beforeAll(() => {
    role = server.createRole('deployer')
  })

  it('limit the lifetime of URLs, with a note', async () => {
    const s3 = transport({ credentials: await temporary(900), urlExpiresIn: 7200 })
    expect(await s3.check()).toEqual([
      expect.stringMatching(
        /credentials .* expire at 20\S+Z: URLs for servers are valid for 8\d\d seconds instead of 7200/,
      ),
    ])
    await s3.put('archives/temporary', Buffer.from('content'))
    const source = await s3.source('archives/temporary')
    if (!('url' in source)) throw new Error('expected a URL')
    const lifetime = Number(new URL(source.url).searchParams.get('X-Amz-Expires'))
    expect(lifetime).toBeGreaterThan(800)
    expect(lifetime).toBeLessThanOrEqual(900)
    expect(source.expiresAt?.getTime()).toBeLessThanOrEqual(Date.now() + 900_000)
    expect(await (await fetch(source.url)).text()).toBe('content')
  })

  it('do not shorten URLs that expire earlier', async () => {
    const s3 = transport({ credentials: await temporary(900), urlExpiresIn: 60 })
    expect(await s3.check()).toEqual([])
  })
})

it('encrypts with the configured key, and tags', async () => {
  const s3 = transport(
    { serverSideEncryption: 'aws:kms', sseKmsKeyId: KMS_KEY, tags: { team: 'shop & co', app: 'shöp' } },
    server,
  )
  const stream = async function* (): AsyncGenerator<Uint8Array> {
    for (let part = 0; part < 12; part += 1) yield Buffer.alloc(1 << 20, part)
  }
  await s3.put('manifests/small', Buffer.from('small'))
  await s3.put('archives/large', stream())
  const { store } = (await s3.lock()) as { store: LockStore }
  await (await new Lock(store).acquire({ key: 'shop', user: 'alice', reason: 'hers' })).release()
  for (const key of ['manifests/small', 'archives/large', 'locks/shop.json']) {
    const object = { Bucket: bucket.name, Key: `shop/${key}` }
    expect(await owner.send(new HeadObjectCommand(object))).toMatchObject({
      ServerSideEncryption: 'aws:kms',
      SSEKMSKeyId: KMS_KEY,
    })
    const source = await s3.source(key)
    expect('url' in source && (await fetch(source.url)).status).toBe(200)
  }
  // This storage drops the tags of multipart uploads.
  const small = { Bucket: bucket.name, Key: 'shop/manifests/small' }
  const { TagSet = [] } = await owner.send(new GetObjectTaggingCommand(small))
  expect(new Map(TagSet.map(({ Key, Value }) => [Key, Value]))).toEqual(
    new Map([
      ['team', 'shop & co'],
      ['app', 'shöp'],
    ]),
  )
  expect(await s3.check()).toEqual([])
})

it('requests the configured storage class, which this storage lacks', async () => {
  await expect(transport({ storageClass: 'STANDARD_IA' }, server).put('a', Buffer.from('x'))).rejects.toThrow(
    'InvalidArgument, status 400): does this storage support all configured options?',
  )
})
