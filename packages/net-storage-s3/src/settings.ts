import type { S3ClientConfig } from '@aws-sdk/client-s3'
import { z } from 'zod'

/** Options of {@link S3Transport}. */
export interface S3TransportOptions {
  /** Capistrano's `net_storage_s3_bucket`. */
  readonly bucket: string
  /** Folder in the bucket. @default the bucket itself */
  readonly prefix?: string
  /** @default as the SDK finds it: environment, profile */
  readonly region?: string
  /** Profile of the AWS config files. @default `AWS_PROFILE` */
  readonly profile?: string
  /** Path of the AWS config file that holds the profile. @default the SDK's own */
  readonly configFile?: string
  /** Keys, or a provider. @default the SDK's chain: environment, profile, SSO, web identity, container and instance roles */
  readonly credentials?: NonNullable<S3ClientConfig['credentials']>
  /** Address of an S3-compatible storage. @default Amazon's */
  readonly endpoint?: string
  /** Bucket in the path instead of the host name. @default false */
  readonly forcePathStyle?: boolean
  /** @default the bucket's own */
  readonly serverSideEncryption?: 'AES256' | 'aws:kms' | 'aws:kms:dsse'
  readonly sseKmsKeyId?: string
  /** @default 'STANDARD' */
  readonly storageClass?: 'STANDARD' | 'STANDARD_IA' | 'ONEZONE_IA' | 'INTELLIGENT_TIERING' | 'GLACIER_IR'
  /** Seconds that a server's address of an archive lives; at most 7 days. @default 3600 */
  readonly urlExpiresIn?: number
  /** Bytes of a part of an upload; at least 5 MiB. @default 8 MiB */
  readonly partSize?: number
  /** Parts that are sent at the same time. @default 4 */
  readonly queueSize?: number
}

const MEBIBYTE = 1 << 20

const expected = (words: string) => ({ error: `expected ${words}` })
const text = (words: string) => z.string(expected(words)).min(1, expected(words))
const between = (from: number, to: number, words: string) =>
  z.number(expected(words)).min(from, expected(words)).max(to, expected(words))

const schema = z.strictObject({
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
    .url({ protocol: /^https?$/, ...expected('an address that begins with https:// or http://') })
    .optional(),
  forcePathStyle: z.boolean(expected('true or false')).optional(),
  serverSideEncryption: z
    .enum(['AES256', 'aws:kms', 'aws:kms:dsse'], expected("'AES256', 'aws:kms' or 'aws:kms:dsse'"))
    .optional(),
  sseKmsKeyId: text('the id of a KMS key').optional(),
  storageClass: text('a storage class').optional(),
  urlExpiresIn: between(1, 7 * 24 * 3600, 'seconds, from 1 to 604800').optional(),
  partSize: between(5 * MEBIBYTE, 5 * 1024 * MEBIBYTE, 'bytes, from 5 MiB to 5 GiB').optional(),
  queueSize: between(1, 100, 'a number from 1 to 100').optional(),
})

/** What is wrong with options, a sentence each. Their values are left out, as some are secret. */
export function optionMistakes(options: S3TransportOptions): string[] {
  const { error } = schema.safeParse(options)
  return (error?.issues ?? []).flatMap((issue) =>
    issue.code === 'unrecognized_keys'
      ? issue.keys.map(
          (key) => `there is no option '${key}'; known are ${Object.keys(schema.shape).join(', ')}`,
        )
      : [`${issue.path.join('.')}: ${issue.message}`],
  )
}
