import { TransportError } from 'shipit-net-storage'
import { right } from './rights.js'

/** What was being done, for the message. */
export interface S3Attempt {
  /** `s3:PutObject`, in IAM's words. */
  readonly action: string
  readonly bucket: string
  /** Begins every key: empty, or ends with a `/`. */
  readonly prefix: string
  /** `s3://bucket/prefix`. */
  readonly description: string
  readonly endpoint: string | undefined
  readonly region: string | undefined
}

const UNREACHABLE = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ETIMEDOUT',
  'ECONNRESET',
  'EHOSTUNREACH',
  'ENETUNREACH',
])
const WRONG_CREDENTIALS = new Set([
  'InvalidAccessKeyId',
  'SignatureDoesNotMatch',
  'ExpiredToken',
  'InvalidToken',
])

/** Each request is signed with the SHA-256 of its content. */
const CHANGED_ON_THE_WAY = new Set(['XAmzContentSHA256Mismatch', 'BadDigest'])

/**
 * An SDK error as one for people. Told apart by names and status: some servers send no messages, and the SDK's may name
 * what must not be shown. Codes: `E_S3_BUCKET`, `E_S3_ACCESS`, `E_S3_RIGHTS`, `E_S3_REGION`, `E_S3_UNREACHABLE`, else
 * `E_STORAGE`.
 */
export function s3Error(error: unknown, attempt: S3Attempt): TransportError {
  const { action, bucket, description, endpoint, region } = attempt
  const where = endpoint ? `at ${endpoint}` : `in region ${region ?? 'of the environment'}`
  const { name, code, status, bucketRegion } = details(error)
  const fail = (errorCode: string, message: string): TransportError =>
    new TransportError(message, { code: errorCode })

  if (name === 'NoSuchBucket' || (status === 404 && action === 's3:ListBucket')) {
    return fail(
      'E_S3_BUCKET',
      `The bucket '${bucket}' does not exist ${where}: create it, or correct the transport's bucket, region or endpoint.`,
    )
  }
  if (WRONG_CREDENTIALS.has(name)) {
    return fail(
      'E_S3_ACCESS',
      `${description} does not accept the credentials (${name}): check the access key and its secret.`,
    )
  }
  const elsewhere = bucketRegion !== undefined && bucketRegion !== region
  if (
    elsewhere ||
    status === 301 ||
    name === 'PermanentRedirect' ||
    name === 'AuthorizationHeaderMalformed'
  ) {
    return fail(
      'E_S3_REGION',
      bucketRegion
        ? `The bucket '${bucket}' is in region ${bucketRegion}, not in ${region}: set the transport's region to '${bucketRegion}'.`
        : `The bucket '${bucket}' is in another region than ${region ?? 'the configured one'}: correct the transport's region.`,
    )
  }
  if (status === 401 || status === 403) {
    return fail(
      'E_S3_RIGHTS',
      `${description} refuses ${right(action, attempt)}: give the credentials that right.`,
    )
  }
  if (UNREACHABLE.has(code) || name === 'TimeoutError' || UNREACHABLE.has(name)) {
    return fail(
      'E_S3_UNREACHABLE',
      `${description} can't be reached ${where} (${code || name}): check the endpoint and the network.`,
    )
  }
  if (CHANGED_ON_THE_WAY.has(name)) {
    return fail(
      'E_STORAGE',
      `${description} got something else than was sent (${name}): the network changed it. Try again.`,
    )
  }
  const advice = status && status < 500 ? 'does it know all that the options ask for?' : 'try again.'
  return fail(
    'E_STORAGE',
    `${description} failed at ${action} (${name || 'unknown error'}${status ? `, status ${status}` : ''}): ${advice}`,
  )
}

/** HTTP status of an SDK error, or undefined. */
export function statusOf(error: unknown): number | undefined {
  return details(error).status
}

function details(error: unknown): {
  name: string
  code: string
  status: number | undefined
  bucketRegion: string | undefined
} {
  const {
    name = '',
    code = '',
    Region,
    $response,
    $metadata,
    errors,
    cause,
  } = (error ?? {}) as {
    name?: string
    code?: string
    Region?: string
    $response?: { headers?: Record<string, string> }
    $metadata?: { httpStatusCode?: number }
    errors?: { code?: string }[]
    cause?: { code?: string }
  }
  // Several addresses that all failed come as one AggregateError.
  return {
    name,
    code: code || errors?.[0]?.code || cause?.code || '',
    status: $metadata?.httpStatusCode,
    bucketRegion: Region ?? $response?.headers?.['x-amz-bucket-region'],
  }
}
