import type { CompletedPart, PutObjectCommandInput, S3Client } from '@aws-sdk/client-s3'
import { addAbortSignal, Readable } from 'node:stream'
import { blocks } from 'shipit-net-storage'
import type { Bucket } from './bucket.js'

/** Options of {@link uploadInParts}. */
export interface UploadOptions {
  /** Bytes of a part. */
  readonly partSize: number
  /** Concurrent part uploads. One more part is being read. */
  readonly queueSize: number
  readonly signal: AbortSignal | undefined
}

/**
 * Uploads an object from a stream, in concurrent parts; in one request if it fits into one part. A failed or cancelled upload
 * deletes its parts.
 * @throws the stream's own error if reading it fails; otherwise as {@link Bucket.attempt}
 */
export async function uploadInParts(
  bucket: Bucket,
  object: PutObjectCommandInput,
  body: AsyncIterable<Uint8Array>,
  options: UploadOptions,
): Promise<void> {
  const { signal } = options
  // The caller wants the stream's own error, but not the one it gets when we destroy it.
  const ended = new AbortController()
  let sourceError: { readonly error: unknown } | undefined
  const watched = (async function* () {
    try {
      yield* body
    } catch (error) {
      if (!ended.signal.aborted && !signal?.aborted) sourceError = { error }
      throw error
    }
  })()
  await bucket
    .attempt('s3:PutObject', (client) => send(client, object, watched, { ...options, ended }), signal)
    .catch((error: unknown) => {
      throw sourceError ? sourceError.error : error
    })
}

async function send(
  client: S3Client,
  object: PutObjectCommandInput,
  body: AsyncIterable<Uint8Array>,
  { partSize, queueSize, signal, ended }: UploadOptions & { readonly ended: AbortController },
): Promise<void> {
  const s3 = await import('@aws-sdk/client-s3')
  const abortSignal = signal ? AbortSignal.any([signal, ended.signal]) : ended.signal
  const { Bucket, Key } = object
  const verifies = (await client.config.requestChecksumCalculation()) === 'WHEN_SUPPORTED'
  const checksum = verifies ? ({ ChecksumAlgorithm: 'CRC32' } as const) : {}
  const sent: CompletedPart[] = []
  const sending = new Set<Promise<void>>()
  const free: Buffer[] = []
  let failure: { readonly error: unknown } | undefined
  let UploadId: string | undefined

  // Reused, because the garbage collector frees large buffers late.
  const allocate = (): Buffer => free.pop() ?? Buffer.allocUnsafeSlow(partSize)
  const sendPart = async (Body: Buffer, PartNumber: number): Promise<void> => {
    try {
      const part = { Bucket, Key, UploadId, PartNumber, Body, ...checksum }
      const { ETag, ChecksumCRC32 } = await client.send(new s3.UploadPartCommand(part), { abortSignal })
      sent.push({ PartNumber, ETag, ...(ChecksumCRC32 ? { ChecksumCRC32 } : {}) })
      free.push(Body)
    } catch (error) {
      failure ??= { error }
      // Stops the other parts.
      ended.abort()
    }
  }

  try {
    const content = addAbortSignal(abortSignal, Readable.from(body, { objectMode: false }))
    let count = 0
    for await (const part of blocks(content, { size: partSize, allocate })) {
      count += 1
      if (count === 1 && part.length < partSize) {
        await client.send(new s3.PutObjectCommand({ ...object, Body: part }), { abortSignal })
        return
      }
      UploadId ??= (await client.send(new s3.CreateMultipartUploadCommand({ ...object, ...checksum })))
        .UploadId
      while (sending.size >= queueSize) await Promise.race(sending)
      const done = sendPart(part, count).finally(() => sending.delete(done))
      sending.add(done)
    }
    if (count === 0) {
      await client.send(new s3.PutObjectCommand({ ...object, Body: '' }), { abortSignal })
      return
    }
    await Promise.all(sending)
    abortSignal.throwIfAborted()
    const Parts = sent.toSorted((one, other) => Number(one.PartNumber) - Number(other.PartNumber))
    const whole = { Bucket, Key, UploadId, MultipartUpload: { Parts } }
    await client.send(new s3.CompleteMultipartUploadCommand(whole))
  } catch (error) {
    ended.abort()
    await Promise.all(sending)
    // If this fails, net_storage:cleanup finds the parts.
    if (UploadId) {
      await client.send(new s3.AbortMultipartUploadCommand({ Bucket, Key, UploadId })).catch(() => {})
    }
    throw failure ? failure.error : error
  }
}
