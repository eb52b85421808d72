import { expected, numberFrom, optionMistakes, text } from 'shipit-net-storage'
import { z } from 'zod'
import type { BucketOptions } from './bucket.js'

/** Options of {@link S3Transport}. */
export interface S3TransportOptions extends BucketOptions {
  /** Capistrano's `net_storage_s3_bucket`. */
  readonly bucket: string
  /** Folder in the bucket. Capistrano's `net_storage_s3_archives_directory`. @default the bucket itself */
  readonly prefix?: string
  /** @default 'STANDARD' */
  readonly storageClass?: 'STANDARD' | 'STANDARD_IA' | 'ONEZONE_IA' | 'INTELLIGENT_TIERING' | 'GLACIER_IR'
  /** Tags of all objects, for lifecycle rules and bills; at most 10. Needs the permission `s3:PutObjectTagging`. @default {} */
  readonly tags?: Readonly<Record<string, string>>
  /**
   * How servers fetch: from a presigned URL, or with `aws s3 cp`, the server's own credentials, and the region and endpoint
   * set here.
   * @default 'url'
   */
  readonly serverCommand?: 'url' | 'aws-cli'
  /**
   * Seconds that a presigned URL is valid, at most 7 days; less if the credentials expire earlier. A server that retries
   * later gets a new one.
   * @default 3600
   */
  readonly urlExpiresIn?: number
  /** Bytes per part of an upload, at least 5 MiB; raised if an archive would have more than 10,000 parts. @default 8 MiB */
  readonly partSize?: number
  /** Parts sent in parallel. @default 4 */
  readonly queueSize?: number
}

export const MEBIBYTE = 1 << 20

/** Schema of {@link BucketOptions}. */
export const bucketShape = {
  bucket: text('the name of a bucket'),
  prefix: z.string(expected('a folder in the bucket')).optional(),
  region: text("a region, such as 'ap-northeast-1'").optional(),
  profile: text('the name of a profile').optional(),
  configFile: text('the path of an AWS config file').optional(),
  credentials: z
    .custom(
      (value) => typeof value === 'function' || (typeof value === 'object' && value !== null),
      expected('{ accessKeyId, secretAccessKey } or a provider'),
    )
    .optional(),
  endpoint: z
    .url({ protocol: /^https?$/, ...expected('a URL that begins with https:// or http://') })
    .optional(),
  caFile: text('the path of a file with certificates').optional(),
  forcePathStyle: z.boolean(expected('true or false')).optional(),
  serverSideEncryption: z
    .enum(['AES256', 'aws:kms', 'aws:kms:dsse'], expected("'AES256', 'aws:kms' or 'aws:kms:dsse'"))
    .optional(),
  sseKmsKeyId: text('the id of a KMS key').optional(),
  clientConfig: z
    .custom((value) => typeof value === 'object' && value !== null, expected("what the SDK's S3Client takes"))
    .optional(),
  client: z
    .custom(
      (value) => typeof (value as { send?: unknown } | null)?.send === 'function',
      expected('an S3Client of the SDK'),
    )
    .optional(),
}

const shape = {
  ...bucketShape,
  storageClass: text('a storage class').optional(),
  tags: z
    .record(z.string().min(1).max(128), z.string().max(256), expected('names and values'))
    .refine((tags) => Object.keys(tags).length <= 10, expected('10 tags at most'))
    .optional(),
  serverCommand: z.enum(['url', 'aws-cli'], expected("'url' or 'aws-cli'")).optional(),
  urlExpiresIn: numberFrom(1, 7 * 24 * 3600, 'seconds, from 1 to 604800').optional(),
  partSize: numberFrom(5 * MEBIBYTE, 5 * 1024 * MEBIBYTE, 'bytes, from 5 MiB to 5 GiB').optional(),
  queueSize: numberFrom(1, 100, 'a number from 1 to 100').optional(),
}

/** Options that a ready client already includes. */
const CLIENT_OPTIONS = [
  'region',
  'endpoint',
  'caFile',
  'forcePathStyle',
  'profile',
  'configFile',
  'credentials',
  'clientConfig',
] as const

const schema = z.strictObject(shape).superRefine((options, context) => {
  for (const path of options.client ? CLIENT_OPTIONS : []) {
    if (options[path] !== undefined)
      context.addIssue({ code: 'custom', path: [path], message: 'set it on the client instead' })
  }
})

/** Errors in the options, a sentence each. */
export function transportMistakes(options: S3TransportOptions): string[] {
  return optionMistakes(schema, options)
}
