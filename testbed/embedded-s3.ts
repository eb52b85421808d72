import { buildApp } from 'fauxqs'
import type { S3Server } from './s3-server.js'

/**
 * Starts an in-memory S3 in this process, for a demo without installing anything. It does not check keys, expiry or
 * conditions, so don't test those with it.
 */
export async function startEmbeddedS3(): Promise<S3Server> {
  const app = buildApp({ logger: false })
  const endpoint = await app.listen({ port: 0, host: '127.0.0.1' })
  return {
    endpoint,
    region: 'us-east-1',
    accessKeyId: 'demo',
    secretAccessKey: 'demo',
    async stop() {
      // close() would wait for the clients' open connections.
      app.server.closeAllConnections()
      await app.close()
    },
  }
}
