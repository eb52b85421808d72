import { S3Client } from '@aws-sdk/client-s3'
import { expect, it } from 'vitest'
import { S3Transport } from './s3-transport.js'
import type { S3TransportOptions } from './settings.js'

it('takes only a bucket, or every option', () => {
  expect(new S3Transport({ bucket: 'deploys' }).description).toBe('s3://deploys')
  const all: Required<Omit<S3TransportOptions, 'client'>> = {
    bucket: 'deploys',
    prefix: '/shop/',
    region: 'eu-west-1',
    profile: 'deploy',
    configFile: '/etc/aws',
    credentials: async () => ({ accessKeyId: 'id', secretAccessKey: 'key' }),
    endpoint: 'http://localhost:9000',
    forcePathStyle: true,
    clientConfig: { maxAttempts: 5 },
    serverSideEncryption: 'aws:kms',
    sseKmsKeyId: 'key',
    storageClass: 'STANDARD_IA',
    tags: { team: 'shop' },
    serverCommand: 'aws-cli',
    caFile: '/etc/ssl/own.pem',
    urlExpiresIn: 60,
    partSize: 5 * 1024 * 1024,
    queueSize: 1,
  }
  expect(new S3Transport(all)).toMatchObject({ description: 's3://deploys/shop', mistakes: [] })
  const client = new S3Client({ region: 'eu-west-1' })
  expect(new S3Transport({ bucket: 'deploys', client }).mistakes).toEqual([])
})

it('rejects client options besides a ready client', () => {
  const client = new S3Client({ region: 'eu-west-1' })
  expect(new S3Transport({ bucket: 'deploys', client, region: 'eu-west-2' }).mistakes).toEqual([
    'region: set it on the client instead',
  ])
})

it('reports all mistakes together, without values, which may be secret', async () => {
  const transport = new S3Transport({
    buckets: 'deploys',
    prefix: 1,
    endpoint: 'localhost:9000',
    credentials: 'canary-secret',
    urlExpiresIn: 0,
    partSize: 1000,
    serverSideEncryption: 'canary-secret',
  } as unknown as S3TransportOptions)
  expect(transport.mistakes).toEqual([
    'bucket: expected the name of a bucket',
    'prefix: expected a folder in the bucket',
    'credentials: expected { accessKeyId, secretAccessKey } or a provider',
    'endpoint: expected a URL that begins with https:// or http://',
    "serverSideEncryption: expected 'AES256', 'aws:kms' or 'aws:kms:dsse'",
    'urlExpiresIn: expected seconds, from 1 to 604800',
    'partSize: expected bytes, from 5 MiB to 5 GiB',
    expect.stringContaining("unknown option 'buckets'; known options: bucket, prefix"),
  ])
  await expect(transport.check()).rejects.toMatchObject({ code: 'E_S3_OPTIONS', showStack: false })
  await expect(transport.put('key', Buffer.from('x'))).rejects.toMatchObject({ code: 'E_S3_OPTIONS' })
})
