import type { S3ClientConfig } from '@aws-sdk/client-s3'
import { DeployError } from 'shipit-capistrano'

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

const isText = (value: unknown): boolean => typeof value === 'string' && value !== ''
const isBetween =
  (from: number, to: number) =>
  (value: unknown): boolean =>
    typeof value === 'number' && value >= from && value <= to

const MEBIBYTE = 1 << 20

const allowed: Record<keyof S3TransportOptions, readonly [test: (value: unknown) => boolean, words: string]> =
  {
    bucket: [isText, 'the name of a bucket'],
    prefix: [(value) => typeof value === 'string', 'a folder in the bucket'],
    region: [isText, "a region, such as 'ap-northeast-1'"],
    profile: [isText, 'the name of a profile'],
    configFile: [isText, 'the path of an AWS config file'],
    credentials: [
      (value) => ['object', 'function'].includes(typeof value),
      '{ accessKeyId, secretAccessKey } or a provider',
    ],
    endpoint: [
      (value) => isText(value) && URL.canParse(String(value)),
      'an address that begins with https:// or http://',
    ],
    forcePathStyle: [(value) => typeof value === 'boolean', 'true or false'],
    serverSideEncryption: [isText, "'AES256' or 'aws:kms'"],
    sseKmsKeyId: [isText, 'the id of a KMS key'],
    storageClass: [isText, 'a storage class'],
    urlExpiresIn: [isBetween(1, 7 * 24 * 3600), 'seconds, from 1 to 604800'],
    partSize: [isBetween(5 * MEBIBYTE, 5 * 1024 * MEBIBYTE), 'bytes, from 5 MiB to 5 GiB'],
    queueSize: [isBetween(1, 100), 'a number from 1 to 100'],
  }

/**
 * Checks options, all at once. Values are left out of the message where they may be secret.
 * @throws {DeployError} `E_S3_OPTIONS`
 */
export function assertOptions(options: S3TransportOptions): void {
  const mistakes = Object.keys(options)
    .filter((name) => !(name in allowed))
    .map((name) => `there is no option '${name}'; known are ${Object.keys(allowed).join(', ')}`)
  for (const [name, [test, words]] of Object.entries(allowed)) {
    const value = (options as unknown as Record<string, unknown>)[name]
    if ((value !== undefined || name === 'bucket') && !test(value))
      mistakes.push(`${name}: expected ${words}`)
  }
  if (mistakes.length > 0) throw new DeployError('E_S3_OPTIONS', `S3Transport: ${mistakes.join('; ')}`)
}
