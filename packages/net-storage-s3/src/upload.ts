import type {
  PutObjectCommandInput,
  S3Client,
  ServiceInputTypes,
  ServiceOutputTypes,
} from '@aws-sdk/client-s3'
import { addAbortSignal, Readable } from 'node:stream'
import type { Bucket } from './bucket.js'

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
  const watched = (async function* () {
    try {
      yield* body
    } catch (error) {
      sourceError = { error }
      throw error
    }
  })()
  const send = async (client: S3Client): Promise<void> => {
    const content = Readable.from(watched, { objectMode: false })
    if (signal) addAbortSignal(signal, content)
    // Upload's own abort does not wait for the removal of the parts: what sends content is given up instead.
    const sendOne = (command: Parameters<S3Client['send']>[0]): Promise<unknown> => {
      const isContent = command instanceof UploadPartCommand || command instanceof PutObjectCommand
      const bound = signal && isContent ? { abortSignal: signal } : {}
      return client.send<ServiceInputTypes, ServiceOutputTypes>(command, bound)
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
