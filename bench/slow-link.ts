// A link of some megabytes a second to another server, as a process of its own: `slow-link.ts HOST PORT MEGABYTES`. Prints its port.
import { createConnection, createServer, type AddressInfo, type Socket } from 'node:net'
import { pipeline } from 'node:stream/promises'
import { setTimeout as pause } from 'node:timers/promises'

const [host = '', port = '', megabytes = ''] = process.argv.slice(2)
const bytesPerSecond = Number(megabytes) * 1e6

/** When the link is free again, in milliseconds: all connections share it. */
let free = performance.now()

async function* limited(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  for await (const chunk of chunks) {
    free = Math.max(free, performance.now()) + (chunk.length / bytesPerSecond) * 1000
    if (free > performance.now() + 10) await pause(free - performance.now())
    yield chunk
  }
}

const server = createServer((from: Socket) => {
  const to = createConnection(Number(port), host)
  // A connection that breaks ends on both sides.
  void Promise.allSettled([pipeline(from, limited, to), pipeline(to, from)])
})
server.listen(0, '127.0.0.1', () => console.log((server.address() as AddressInfo).port))
