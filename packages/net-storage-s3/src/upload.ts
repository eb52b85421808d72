import type {
  PutObjectCommandInput,
  S3Client,
  ServiceInputTypes,
  ServiceOutputTypes,
} from '@aws-sdk/client-s3'
import { addAbortSignal, Readable } from 'node:stream'
import type { Bucket } from './bucket.js'
import type { S3TransportOptions } from './settings.js'

const MEBIBYTE = 1 << 20

/** S3 takes no more. */
const MOST_PARTS = 10_000

/** Bytes in memory that parts may take which had to grow. */
const MOST_IN_MEMORY = 128 * MEBIBYTE

/**
 * Size and number of parts at the same time, so that an archive of up to `sizeHint` bytes fits into 10,000 parts. All are of
 * the same size, as some storages want it.
 */
export function partsOf(
  { partSize = 8 * MEBIBYTE, queueSize = 4 }: Pick<S3TransportOptions, 'partSize' | 'queueSize'>,
  sizeHint = 0,
): { partSize: number; queueSize: number } {
  const needed = Math.ceil(sizeHint / MOST_PARTS / MEBIBYTE) * MEBIBYTE
  if (needed <= partSize) return { partSize, queueSize }
  return {
    partSize: needed,
    queueSize: Math.max(1, Math.min(queueSize, Math.floor(MOST_IN_MEMORY / needed))),
  }
}

/** Options of {@link uploadInParts}. */
export interface UploadOptions {
  /** Bytes of a part. */
  readonly partSize: number
  /** Parts that are sent at the same time. */
  readonly queueSize: number
  readonly signal: AbortSignal | undefined
}

/**
 * Stores an object from a stream, several parts of it at the same time. One that fails or is given up takes its parts back.
 * @throws the stream's very own error if reading it fails; else as {@link Bucket.attempt}
 */
export async function uploadInParts(
  bucket: Bucket,
  object: PutObjectCommandInput,
  body: AsyncIterable<Uint8Array>,
  { partSize, queueSize, signal }: UploadOptions,
): Promise<void> {
  const [{ Upload }, { PutObjectCommand, UploadPartCommand }] = await Promise.all([
    import('@aws-sdk/lib-storage'),
    import('@aws-sdk/client-s3'),
  ])
  // The source's own error is what the caller wants to see, not what the upload makes of it.
  let sourceError: { readonly error: unknown } | undefined
  let refusal: Error | undefined
  const watched = (async function* () {
    try {
      yield* body
    } catch (error) {
      if (error !== refusal) sourceError = { error }
      throw error
    }
  })()
  const send = async (client: S3Client): Promise<void> => {
    const content = Readable.from(watched, { objectMode: false })
    if (signal) addAbortSignal(signal, content)
    // Upload's own abort does not wait for the removal of the parts: what sends content is given up instead.
    const sendOne = async (command: Parameters<S3Client['send']>[0]): Promise<unknown> => {
      const isContent = command instanceof UploadPartCommand || command instanceof PutObjectCommand
      const bound = signal && isContent ? { abortSignal: signal } : {}
      return client.send<ServiceInputTypes, ServiceOutputTypes>(command, bound).catch((error: Error) => {
        // Else the other parts would be read and sent to the end.
        refusal ??= error
        if (isContent) content.destroy(refusal)
        throw error
      })
    }
    await new Upload({
      client: new Proxy(client, {
        get: (target, key) => (key === 'send' ? sendOne : (Reflect.get(target, key) as unknown)),
      }),
      params: { ...object, Body: content },
      partSize,
      queueSize,
    }).done()
  }
  await bucket.attempt('s3:PutObject', send, signal).catch((error: unknown) => {
    throw sourceError && !signal?.aborted ? sourceError.error : error
  })
}
