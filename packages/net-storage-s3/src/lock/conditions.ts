import { randomUUID } from 'node:crypto'
import { statusOf } from '../s3-errors.js'
import { noLock, type Condition, type LockObject } from './lock-object.js'

/**
 * Proves, with an object of its own that is removed again, that storage honours the conditions of writes.
 * @throws {TransportError} `E_S3_CONDITIONS` if it does not
 */
export async function provesConditions(probe: LockObject): Promise<void> {
  const put = async (condition: Condition): Promise<string | undefined> => {
    const outcome = await probe.put(`{ "probe": "${randomUUID()}" }`, condition)
    if ('etag' in outcome) return outcome.etag
    if (statusOf(outcome.error) === 412) return undefined
    throw await probe.explained(outcome.error)
  }
  try {
    const etag = await put({ ifAbsent: true })
    if (etag === undefined) throw noLock(probe.bucket, 'refuses to write an object that is not there')
    if (await put({ ifAbsent: true })) throw noLock(probe.bucket, 'ignores If-None-Match')
    if (await put({ ifEtag: '00000000000000000000000000000000' }))
      throw noLock(probe.bucket, 'ignores If-Match')
    if (!(await put({ ifEtag: etag }))) throw noLock(probe.bucket, 'does not honour If-Match')
    await probe.read()
  } finally {
    await probe.remove().catch(() => {})
  }
}
