import { S3Lock, type S3LockOptions } from 'shipit-net-storage-s3'
import { lockContract } from 'shipit-deploy-locker/testing'
import { afterAll, beforeAll, it } from 'vitest'
import { Bucket } from './support/bucket.js'

let bucket: Bucket
beforeAll(async () => {
  bucket = await Bucket.create()
})
afterAll(() => bucket.delete())

let tests = 0

function locks(options: Partial<S3LockOptions> = {}): S3Lock {
  return new S3Lock({ ...bucket.lockOptions(), prefix: `test-${tests}`, ...options })
}

lockContract({
  it,
  create: async () => {
    tests += 1
    return () => locks()
  },
  createBroken: async () => locks({ bucket: 'no-such-bucket' }),
})
