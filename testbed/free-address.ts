import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'

export interface Address {
  readonly host: string
  readonly port: number
}

/**
 * Returns a random loopback address and a free port on it. The address is random so that concurrent test files do not take
 * each other's port before it is used. Uses 127.0.0.1 where no other exists (macOS).
 */
export async function freeAddress(): Promise<Address> {
  const host = `127.${randomInt(1, 255)}.${randomInt(256)}.${randomInt(1, 255)}`
  try {
    return await freePortOf(host)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRNOTAVAIL') throw error
    return freePortOf('127.0.0.1')
  }
}

/** Returns a free port on an address of this machine. */
export async function freePortOf(host: string): Promise<Address> {
  const server = createServer().listen({ port: 0, host })
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return { host, port }
}
