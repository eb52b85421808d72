import { expect, it } from 'vitest'
import { s3Error } from './s3-errors.js'

const attempt = {
  action: 's3:PutObject',
  bucket: 'deploys',
  prefix: 'shop/',
  description: 's3://deploys/shop',
  endpoint: undefined,
  region: 'eu-west-1',
}

it.each<[object, string, string]>([
  [{ name: 'NoSuchBucket' }, 'E_S3_BUCKET', "'deploys' does not exist in region eu-west-1"],
  [{ name: 'PermanentRedirect', $metadata: { httpStatusCode: 301 } }, 'E_S3_REGION', 'is not in eu-west-1'],
  [
    { name: 'AuthorizationHeaderMalformed', $metadata: { httpStatusCode: 400 } },
    'E_S3_REGION',
    'is not in eu-west-1',
  ],
  [
    { name: 'AuthorizationHeaderMalformed', Region: 'us-west-2', $metadata: { httpStatusCode: 400 } },
    'E_S3_REGION',
    "set the transport's region to 'us-west-2'",
  ],
  [{ name: 'ExpiredToken', $metadata: { httpStatusCode: 400 } }, 'E_S3_ACCESS', '(ExpiredToken)'],
  [
    { name: 'AccessDenied', $metadata: { httpStatusCode: 403 } },
    'E_S3_PERMISSIONS',
    'denies s3:PutObject on arn:aws:s3:::deploys/shop/*',
  ],
  [{ name: 'Error', errors: [{ code: 'ECONNREFUSED' }] }, 'E_S3_UNREACHABLE', 'ECONNREFUSED'],
  [{ name: 'TimeoutError' }, 'E_S3_UNREACHABLE', 'TimeoutError'],
  [{ name: 'SlowDown', $metadata: { httpStatusCode: 503 } }, 'E_STORAGE', 'SlowDown, status 503'],
  [{ name: '' }, 'E_STORAGE', 'unknown error'],
])('recognises %j', (properties, code, words) => {
  const error = s3Error(Object.assign(new Error('canary-secret'), properties), attempt)
  expect(error).toMatchObject({ code, message: expect.stringContaining(words) })
  expect(error.message).not.toContain('canary-secret')
})
