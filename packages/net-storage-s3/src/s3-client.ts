import type { S3Client, S3ClientConfig } from '@aws-sdk/client-s3'
import { requestHandler } from './request-handler.js'

/**
 * How to reach S3. The SDK finds options that are not set: in the environment (`AWS_PROFILE`, `AWS_REGION`,
 * `AWS_ENDPOINT_URL_S3`…), the AWS config files, SSO, web identity, container and instance roles.
 */
export interface S3ClientOptions {
  /**
   * Capistrano's `net_storage_s3_aws_region`.
   * @default `AWS_REGION`, `AWS_DEFAULT_REGION`, the profile's, the instance's
   */
  readonly region?: string
  /** URL of S3-compatible storage. @default `AWS_ENDPOINT_URL_S3`, else Amazon's */
  readonly endpoint?: string
  /**
   * Path of a file with the certificates (PEM) to trust instead of the system's, for storage with a private CA. Servers also
   * trust them.
   * @default Node's own, and `NODE_EXTRA_CA_CERTS`
   */
  readonly caFile?: string
  /** Put the bucket in the path instead of the host name. @default false */
  readonly forcePathStyle?: boolean
  /** Profile of the AWS config files. Capistrano's `net_storage_s3_aws_profile`. @default `AWS_PROFILE` */
  readonly profile?: string
  /**
   * Path of the AWS config file that holds the profile's region and credentials. Capistrano's
   * `net_storage_s3_aws_config_file`.
   * @default `AWS_CONFIG_FILE`, else `~/.aws/config`
   */
  readonly configFile?: string
  /**
   * `{ accessKeyId, secretAccessKey, sessionToken }`, or a provider. Capistrano's `net_storage_s3_aws_access_key_id`,
   * `net_storage_s3_aws_secret_access_key` and `net_storage_s3_aws_session_token`.
   * @default the SDK's chain: environment, profile, SSO, web identity, container and instance roles
   */
  readonly credentials?: NonNullable<S3ClientConfig['credentials']>
  /** Anything else that the SDK's `S3Client` takes, such as a `requestHandler`; overrides the options here. */
  readonly clientConfig?: S3ClientConfig
  /** A ready client, instead of all of the above. */
  readonly client?: S3Client
}

/** Creates a client from validated options. Loads the SDK, which is slow: call it on the first request. */
export async function createS3Client(options: S3ClientOptions): Promise<S3Client> {
  if (options.client) return options.client
  // The SDK's warning about Node versions would be in every deploy's log; npm prints it at installation.
  process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true'
  const { S3Client } = await import('@aws-sdk/client-s3')
  const { endpoint, forcePathStyle, profile, credentials, clientConfig } = options
  const url = endpoint ?? endpointFromEnvironment() ?? 'https://s3.amazonaws.com'
  return new S3Client({
    ...(await fromConfigFile(options)),
    ...regionOf(options),
    ...(endpoint ? { endpoint } : {}),
    ...(forcePathStyle === undefined ? {} : { forcePathStyle }),
    ...(profile ? { profile } : {}),
    ...(credentials ? { credentials } : {}),
    maxAttempts: 3,
    requestHandler: await requestHandler(url, options),
    // Not all storage supports the checksums that the SDK sends by default. Requests are signed with their content's SHA-256.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    ...clientConfig,
  })
}

/** The endpoint that the SDK reads from the environment. */
export function endpointFromEnvironment(): string | undefined {
  const { AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL } = process.env
  return AWS_ENDPOINT_URL_S3 || AWS_ENDPOINT_URL || undefined
}

/** The SDK ignores the AWS CLI's `AWS_DEFAULT_REGION`. */
function regionOf({ region }: S3ClientOptions): S3ClientConfig {
  const { AWS_REGION, AWS_DEFAULT_REGION } = process.env
  const found = region ?? (AWS_REGION || AWS_DEFAULT_REGION)
  return found ? { region: found } : {}
}

async function fromConfigFile({ configFile, profile }: S3ClientOptions): Promise<S3ClientConfig> {
  if (!configFile) return {}
  const [{ fromIni }, { loadConfig, NODE_REGION_CONFIG_OPTIONS }] = await Promise.all([
    import('@aws-sdk/credential-providers'),
    import('@smithy/core/config'),
  ])
  const file = { ...(profile ? { profile } : {}), configFilepath: configFile, filepath: configFile }
  return { credentials: fromIni(file), region: loadConfig(NODE_REGION_CONFIG_OPTIONS, file) }
}
