import { expect, it } from 'vitest'
import { S3Transport } from './s3-transport.js'
import type { S3TransportOptions } from './settings.js'

const mistakes = (options: object): unknown => {
  try {
    return new S3Transport(options as S3TransportOptions)
  } catch (error) {
    return error
  }
}

it('takes a bucket alone, and every option', () => {
  expect(new S3Transport({ bucket: 'deploys' }).description).toBe('s3://deploys')
  const all: Required<S3TransportOptions> = {
    bucket: 'deploys',
    prefix: '/shop/',
    region: 'eu-west-1',
    profile: 'deploy',
    configFile: '/etc/aws',
    credentials: async () => ({ accessKeyId: 'id', secretAccessKey: 'key' }),
    endpoint: 'http://localhost:9000',
    forcePathStyle: true,
    serverSideEncryption: 'aws:kms',
    sseKmsKeyId: 'key',
    storageClass: 'STANDARD_IA',
    urlExpiresIn: 60,
    partSize: 5 * 1024 * 1024,
    queueSize: 1,
  }
  expect(new S3Transport(all).description).toBe('s3://deploys/shop')
})

it('tells all mistakes at once, and no value, which may be a secret', () => {
  const error = mistakes({
    buckets: 'deploys',
    endpoint: 'localhost:9000',
    credentials: 'canary-secret',
    urlExpiresIn: 0,
    partSize: 1000,
    serverSideEncryption: 'canary-secret',
  })
  expect(error).toMatchObject({ code: 'E_S3_OPTIONS', showStack: false })
  for (const part of [
    'bucket: expected the name of a bucket',
    'endpoint: expected an address',
    'credentials: expected',
    'urlExpiresIn: expected seconds, from 1 to 604800',
    'partSize: expected bytes, from 5 MiB',
    "serverSideEncryption: expected 'AES256'",
    "there is no option 'buckets'",
  ]) {
    expect(String(error)).toContain(part)
  }
  expect(String(error)).not.toContain('canary-secret')
})
