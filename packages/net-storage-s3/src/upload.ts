import type { CompletedPart, PutObjectCommandInput, S3Client } from '@aws-sdk/client-s3'
import { addAbortSignal, Readable } from 'node:stream'
import type { Bucket } from './bucket.js'
import { cutIntoParts } from './parts.js'

/** Options of {@link uploadInParts}. */
export interface UploadOptions {
  /** Bytes of a part. */
  readonly partSize: number
  /** Parts that are sent at the same time. One more is being read. */
  readonly queueSize: number
  readonly signal: AbortSignal | undefined
}

/**
 * Stores an object from a stream, several parts of it at the same time; one that fits into a part with one request. An upload
 * that fails or is given up takes its parts back.
 * @throws the stream's very own error if reading it fails; else as {@link Bucket.attempt}
 */
export async function uploadInParts(
  bucket: Bucket,
  object: PutObjectCommandInput,
  body: AsyncIterable<Uint8Array>,
  options: UploadOptions,
): Promise<void> {
  const { signal } = options
  // The source's own error is what the caller wants to see; that of a stream that was told to end is not its own.
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

  const take = (): Buffer => free.pop() ?? Buffer.allocUnsafeSlow(partSize)
  const sendPart = async (Body: Buffer, PartNumber: number): Promise<void> => {
    try {
      const part = { Bucket, Key, UploadId, PartNumber, Body, ...checksum }
      const { ETag, ChecksumCRC32 } = await client.send(new s3.UploadPartCommand(part), { abortSignal })
      sent.push({ PartNumber, ETag, ...(ChecksumCRC32 ? { ChecksumCRC32 } : {}) })
      free.push(Body)
    } catch (error) {
      failure ??= { error }
      // Else the others would be read and sent to the end.
      ended.abort()
    }
  }

  try {
    const content = addAbortSignal(abortSignal, Readable.from(body, { objectMode: false }))
    let count = 0
    for await (const part of cutIntoParts(content, partSize, take)) {
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
    // What can't be taken back now is found by net_storage:cleanup.
    if (UploadId) {
      await client.send(new s3.AbortMultipartUploadCommand({ Bucket, Key, UploadId })).catch(() => {})
    }
    throw failure ? failure.error : error
  }
}
