import type { S3Client, S3ClientConfig } from '@aws-sdk/client-s3'
import { requestHandler } from './request-handler.js'

/**
 * How to reach S3. Whatever is left out is found as the SDK finds it: in the environment (`AWS_PROFILE`, `AWS_REGION`,
 * `AWS_ENDPOINT_URL_S3`…), the AWS config files, SSO, web identity, container and instance roles.
 */
export interface S3ClientOptions {
  /**
   * Capistrano's `net_storage_s3_aws_region`.
   * @default `AWS_REGION`, `AWS_DEFAULT_REGION`, the profile's, the instance's
   */
  readonly region?: string
  /** Address of an S3-compatible storage. @default `AWS_ENDPOINT_URL_S3`, else Amazon's */
  readonly endpoint?: string
  /**
   * Path of a file with the certificates (PEM) to trust, in place of the system's: for storage with a CA of one's own. Servers
   * trust them, too.
   * @default Node's own, and `NODE_EXTRA_CA_CERTS`
   */
  readonly caFile?: string
  /** Bucket in the path instead of the host name. @default false */
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
  /** Anything else that the SDK's `S3Client` takes, such as a `requestHandler`; stands above what is set here. */
  readonly clientConfig?: S3ClientConfig
  /** A ready client, in place of all of the above. */
  readonly client?: S3Client
}

/** Makes a client from options that were checked. Loads the SDK, which takes a while: call it with the first request. */
export async function createS3Client(options: S3ClientOptions): Promise<S3Client> {
  if (options.client) return options.client
  // The SDK's advice on Node versions would stand in the log of each deploy; npm tells it at installation.
  process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true'
  const { S3Client } = await import('@aws-sdk/client-s3')
  const { endpoint, forcePathStyle, profile, credentials, clientConfig } = options
  const address = endpoint ?? endpointFromEnvironment() ?? 'https://s3.amazonaws.com'
  return new S3Client({
    ...(await fromConfigFile(options)),
    ...regionOf(options),
    ...(endpoint ? { endpoint } : {}),
    ...(forcePathStyle === undefined ? {} : { forcePathStyle }),
    ...(profile ? { profile } : {}),
    ...(credentials ? { credentials } : {}),
    maxAttempts: 3,
    requestHandler: await requestHandler(address, options),
    // Not every storage knows the checksums that the SDK sends by default. What is sent is signed with its SHA-256.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    ...clientConfig,
  })
}

/** The endpoint that the SDK finds in the environment. */
export function endpointFromEnvironment(): string | undefined {
  const { AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL } = process.env
  return AWS_ENDPOINT_URL_S3 || AWS_ENDPOINT_URL || undefined
}

/** The SDK itself does not know the AWS CLI's `AWS_DEFAULT_REGION`. */
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
