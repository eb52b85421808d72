import type { S3Server } from './s3-server.js'

/**
 * The S3 service at `TEST_S3_ENDPOINT`, if that is set.
 * @throws if the keys are not set
 */
export function s3FromEnvironment(): S3Server | undefined {
  const {
    TEST_S3_ENDPOINT: endpoint,
    TEST_S3_REGION: region = 'us-east-1',
    TEST_S3_ACCESS_KEY_ID: accessKeyId,
    TEST_S3_SECRET_ACCESS_KEY: secretAccessKey,
  } = process.env
  if (!endpoint) return undefined
  if (!accessKeyId || !secretAccessKey) {
    throw new Error('TEST_S3_ENDPOINT also needs TEST_S3_ACCESS_KEY_ID and TEST_S3_SECRET_ACCESS_KEY.')
  }
  return { endpoint, region, accessKeyId, secretAccessKey, stop: () => Promise.resolve() }
}
