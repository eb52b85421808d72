// A proxy to a server, limited to some megabytes per second each way, as its own process:
// `slow-link.ts HOST PORT MEGABYTES`. Prints its port.
import { createConnection, createServer, type AddressInfo, type Socket } from 'node:net'
import { pipeline } from 'node:stream/promises'
import { setTimeout as pause } from 'node:timers/promises'

const [host = '', port = '', megabytes = ''] = process.argv.slice(2)
const bytesPerMillisecond = Number(megabytes) * 1000

type Direction = (chunks: AsyncIterable<Buffer>) => AsyncGenerator<Buffer>

/** One direction of the link, shared by all connections. */
function direction(): Direction {
  let free = performance.now()
  return async function* (chunks) {
    for await (const chunk of chunks) {
      free = Math.max(free, performance.now()) + chunk.length / bytesPerMillisecond
      if (free > performance.now() + 5) await pause(free - performance.now())
      yield chunk
    }
  }
}

const [up, down] = [direction(), direction()]
const server = createServer((from: Socket) => {
  const to = createConnection(Number(port), host)
  // When one side breaks, both end.
  void Promise.allSettled([pipeline(from, up, to), pipeline(to, down, from)])
})
server.listen(0, '127.0.0.1', () => console.log((server.address() as AddressInfo).port))
