import { TransportError } from 'shipit-net-storage'
import { permission } from './permissions.js'

/** The failed operation, for the message. */
export interface S3Attempt {
  /** IAM action, such as `s3:PutObject`. */
  readonly action: string
  readonly bucket: string
  /** Prefix of every key: empty, or ends with a `/`. */
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
const CORRUPTED = new Set(['XAmzContentSHA256Mismatch', 'BadDigest'])

/**
 * Converts an SDK error to a readable one. Only names and status decide: some servers send no messages, and the SDK's may
 * contain secrets. Codes: `E_S3_BUCKET`, `E_S3_ACCESS`, `E_S3_PERMISSIONS`, `E_S3_REGION`, `E_S3_UNREACHABLE`, else
 * `E_STORAGE`.
 */
export function s3Error(error: unknown, attempt: S3Attempt): TransportError {
  const { action, bucket, description, endpoint, region } = attempt
  const where = endpoint ? `at ${endpoint}` : `in ${region ? `region ${region}` : 'the configured region'}`
  const { name, code, status, bucketRegion } = details(error)
  const fail = (errorCode: string, message: string): TransportError =>
    new TransportError(message, { code: errorCode })

  if (name === 'NoSuchBucket' || (status === 404 && action === 's3:ListBucket')) {
    return fail(
      'E_S3_BUCKET',
      `Bucket '${bucket}' does not exist ${where}: create it, or correct the transport's bucket, region or endpoint.`,
    )
  }
  if (WRONG_CREDENTIALS.has(name)) {
    return fail(
      'E_S3_ACCESS',
      `${description} rejects the credentials (${name}): check the access key and its secret.`,
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
        ? `Bucket '${bucket}' is in region ${bucketRegion}, not in ${region}: set the transport's region to '${bucketRegion}'.`
        : `Bucket '${bucket}' is not in ${region ?? 'the configured region'}: correct the transport's region.`,
    )
  }
  if (status === 401 || status === 403) {
    return fail(
      'E_S3_PERMISSIONS',
      `${description} denies ${permission(action, attempt)}: grant the credentials this permission.`,
    )
  }
  if (UNREACHABLE.has(code) || name === 'TimeoutError' || UNREACHABLE.has(name)) {
    return fail(
      'E_S3_UNREACHABLE',
      `${description} can't be reached ${where} (${code || name}): check the endpoint and the network.`,
    )
  }
  if (CORRUPTED.has(name)) {
    return fail(
      'E_STORAGE',
      `${description} received corrupted data (${name}): the network changed it. Try again.`,
    )
  }
  const advice = status && status < 500 ? 'does this storage support all configured options?' : 'try again.'
  return fail(
    'E_STORAGE',
    `${action} on ${description} failed (${name || 'unknown error'}${status ? `, status ${status}` : ''}): ${advice}`,
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
  // If all IP addresses of a host fail, Node throws one AggregateError.
  return {
    name,
    code: code || errors?.[0]?.code || cause?.code || '',
    status: $metadata?.httpStatusCode,
    bucketRegion: Region ?? $response?.headers?.['x-amz-bucket-region'],
  }
}
