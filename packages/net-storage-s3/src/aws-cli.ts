import type { CommandSource } from 'shipit-net-storage'
import type { Bucket } from './bucket.js'

/** Fetches an object with the AWS CLI and the server's own credentials. */
export async function awsCliCopy(bucket: Bucket, key: string): Promise<CommandSource> {
  const { Bucket: name, Key } = bucket.object(key)
  const { region, endpoint } = await bucket.place()
  return {
    command: [
      'aws',
      's3',
      'cp',
      '--only-show-errors',
      ...(region ? ['--region', region] : []),
      ...(endpoint ? ['--endpoint-url', endpoint] : []),
      `s3://${name}/${Key}`,
      '-',
    ],
  }
}
