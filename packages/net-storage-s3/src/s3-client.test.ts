import { S3Client } from '@aws-sdk/client-s3'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { createS3Client, type S3ClientOptions } from './s3-client.js'

const CONFIG = `[default]
region = eu-north-1

[profile deploy]
region = eu-west-3
aws_access_key_id = id-of-deploy
aws_secret_access_key = secret-of-deploy
`

const CREDENTIALS = `[default]
aws_access_key_id = id-of-default
aws_secret_access_key = secret-of-default
`

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 's3-client-'))
  await writeFile(join(folder, 'config'), CONFIG)
  await writeFile(join(folder, 'credentials'), CREDENTIALS)
  for (const name of Object.keys(process.env).filter((each) => each.startsWith('AWS_')))
    vi.stubEnv(name, undefined)
  vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true')
  vi.stubEnv('AWS_CONFIG_FILE', join(folder, 'config'))
  vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', join(folder, 'credentials'))
})
afterEach(async () => {
  vi.unstubAllEnvs()
  await rm(folder, { recursive: true, force: true })
})

async function resolved(options: S3ClientOptions = {}) {
  const { config } = await createS3Client(options)
  return { region: await config.region(), ...(await config.credentials()) }
}

it('finds region and credentials like the SDK', async () => {
  expect(await resolved()).toMatchObject({ region: 'eu-north-1', accessKeyId: 'id-of-default' })
})

it.each([
  [{ AWS_PROFILE: 'deploy' }, { region: 'eu-west-3', accessKeyId: 'id-of-deploy' }],
  [{ AWS_REGION: 'ap-south-1' }, { region: 'ap-south-1', accessKeyId: 'id-of-default' }],
  [{ AWS_DEFAULT_REGION: 'ap-south-2' }, { region: 'ap-south-2', accessKeyId: 'id-of-default' }],
  [{ AWS_REGION: 'ap-south-1', AWS_DEFAULT_REGION: 'ap-south-2' }, { region: 'ap-south-1' }],
  [
    { AWS_ACCESS_KEY_ID: 'id', AWS_SECRET_ACCESS_KEY: 'secret', AWS_SESSION_TOKEN: 'token' },
    { accessKeyId: 'id', secretAccessKey: 'secret', sessionToken: 'token' },
  ],
])('reads %j from the environment', async (environment, expected) => {
  for (const [name, value] of Object.entries(environment)) vi.stubEnv(name, value)
  expect(await resolved()).toMatchObject(expected)
})

it('prefers options to the environment', async () => {
  vi.stubEnv('AWS_REGION', 'ap-south-1')
  vi.stubEnv('AWS_PROFILE', 'default')
  const keys = { accessKeyId: 'mine', secretAccessKey: 'my-secret', sessionToken: 'my-token' }
  expect(await resolved({ region: 'us-west-2', credentials: { ...keys } })).toMatchObject({
    region: 'us-west-2',
    ...keys,
  })
  vi.stubEnv('AWS_REGION', undefined)
  expect(await resolved({ profile: 'deploy' })).toMatchObject({
    region: 'eu-west-3',
    accessKeyId: 'id-of-deploy',
  })
})

it("reads a profile's region and credentials from another config file", async () => {
  const configFile = join(folder, 'other')
  await writeFile(configFile, CONFIG.replaceAll('deploy', 'other').replace('eu-west-3', 'sa-east-1'))
  expect(await resolved({ configFile, profile: 'other' })).toMatchObject({
    region: 'sa-east-1',
    accessKeyId: 'id-of-other',
    secretAccessKey: 'secret-of-other',
  })
})

it('takes other client settings, or a ready client', async () => {
  const { config } = await createS3Client({ clientConfig: { maxAttempts: 7, useAccelerateEndpoint: true } })
  expect(await config.maxAttempts()).toBe(7)
  const client = new S3Client({ region: 'eu-west-1' })
  expect(await createS3Client({ client })).toBe(client)
})
