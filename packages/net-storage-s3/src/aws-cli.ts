import type { CommandSource } from 'shipit-net-storage'
import type { Bucket } from './bucket.js'

/** How a server gets an object with the AWS CLI, and credentials of its own. */
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
