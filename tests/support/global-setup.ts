import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { startRadosgw } from '../../testbed/radosgw.js'
import { s3FromEnvironment } from '../../testbed/s3-from-environment.js'
import type { S3Access, S3Server } from '../../testbed/s3-server.js'

declare module 'vitest' {
  export interface ProvidedContext {
    /** The S3 service of this test run. Test files share it, so each creates its own bucket. */
    s3: S3Access
  }
}

export default async function provideS3(project: TestProject): Promise<() => Promise<void>> {
  const directory = await mkdtemp(join(tmpdir(), 'storage-tests-'))
  const remove = (): Promise<void> => rm(directory, { recursive: true, force: true })
  try {
    const server = s3FromEnvironment() ?? (await startOwn(directory))
    const { endpoint, region, accessKeyId, secretAccessKey } = server
    console.log(`The tests use the S3 service at ${endpoint}.`)
    project.provide('s3', { endpoint, region, accessKeyId, secretAccessKey })
    return async () => {
      await server.stop()
      await remove()
    }
  } catch (error) {
    await remove()
    throw error
  }
}

function startOwn(directory: string): Promise<S3Server> {
  console.log('Starting an S3 server (radosgw) for the tests.')
  return startRadosgw(directory)
}
