import { debuglog } from 'node:util'
import { traced } from 'shipit-capistrano'
import type { Transport } from './transport.js'

const log = debuglog('shipit-storage')

type Methods = Pick<Transport, 'stat' | 'put' | 'get' | 'list' | 'remove' | 'source'>

/**
 * The same transport, with its calls logged if NODE_DEBUG enables it: key, bytes and milliseconds, but nothing that may
 * be secret, such as sources.
 */
export function tracedTransport(transport: Transport): Transport {
  if (!log.enabled) return transport
  const methods = tracedMethods(transport)
  return new Proxy(transport, {
    get(_, name) {
      if (Object.hasOwn(methods, name)) return methods[name as keyof Methods]
      const property: unknown = Reflect.get(transport, name)
      // Bound, because the transport's class may have private fields.
      return typeof property === 'function' ? property.bind(transport) : property
    },
  })
}

function tracedMethods(transport: Transport): Methods {
  return {
    stat: (key) =>
      traced(
        log,
        `stat ${key}`,
        () => transport.stat(key),
        (found) => (found ? `${found.size} bytes` : 'absent'),
      ),
    async put(key, body, options) {
      let bytes = body instanceof Uint8Array ? body.length : 0
      const counted = async function* (chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
        for await (const chunk of chunks) {
          bytes += chunk.length
          yield chunk
        }
      }
      const content = body instanceof Uint8Array ? body : counted(body)
      return traced(
        log,
        `put ${key}`,
        () => transport.put(key, content, options),
        (stored) => (stored ? `${bytes} bytes` : 'not stored, already exists'),
      )
    },
    get: (key) =>
      traced(
        log,
        `get ${key}`,
        () => transport.get(key),
        (content) => (content ? `${content.length} bytes` : 'absent'),
      ),
    async *list(prefix) {
      const from = performance.now()
      let objects = 0
      for await (const object of transport.list(prefix)) {
        objects += 1
        yield object
      }
      log('list %s: %d objects, %d ms', prefix, objects, Math.round(performance.now() - from))
    },
    remove: (keys) => traced(log, `remove ${keys.join(' ') || 'nothing'}`, () => transport.remove(keys)),
    source: (key) => traced(log, `source ${key}`, () => transport.source(key)),
  }
}
