import { buildApp } from 'fauxqs'
import type { S3Server } from './s3-server.js'

/**
 * Starts an S3 in this process's memory, for a demo without installing anything. It checks neither keys nor
 * expiry nor conditions, so it is no evidence for those.
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
      // Clients keep their connections open, and close() would wait for them.
      app.server.closeAllConnections()
      await app.close()
    },
  }
}
