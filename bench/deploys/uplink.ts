import { execFileSync } from 'node:child_process'
import { randomBytes, randomInt } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { CleanUp } from './clean-up.js'

const RATE = '200mbit'
const DELAY = '20ms'

/** A slow network link between the deploy machine and everything else. */
export interface Uplink {
  /** Command that runs a program on the deploy machine. */
  readonly through: readonly string[]
  /** Addresses for everything else. */
  readonly addresses: readonly string[]
  /** Such as `200mbit, no delay`. */
  readonly description: string
  /** How many bytes have left the deploy machine, headers included. */
  bytes(): number
}

/** Gives the deploy machine a network namespace of its own. Needs root. */
export function createUplink(addresses: number, cleanUp: CleanUp): Uplink {
  if (addresses > 250) throw new Error(`An uplink has at most 250 addresses, not ${addresses}.`)
  const namespace = `bench${randomBytes(4).toString('hex')}`
  const [outside, inside] = [`${namespace}o`, `${namespace}i`]
  // Of the range for benchmarks (RFC 2544).
  const network = `198.18.${randomInt(256)}`
  const list = Array.from({ length: addresses }, (_, index) => `${network}.${index + 1}`)

  ip('netns', 'add', namespace)
  cleanUp.add(() => ip('netns', 'del', namespace))
  ip('link', 'add', outside, 'type', 'veth', 'peer', 'name', inside, 'netns', namespace)
  cleanUp.add(() => ip('link', 'del', outside))
  for (const address of list) ip('address', 'add', `${address}/24`, 'dev', outside)
  ip('link', 'set', outside, 'up')
  ip('-n', namespace, 'address', 'add', `${network}.254/24`, 'dev', inside)
  // As many packets as on a real network: joined ones have fewer headers.
  ip('-n', namespace, 'link', 'set', inside, 'gso_max_segs', '1')
  ip('-n', namespace, 'link', 'set', inside, 'up')
  ip('-n', namespace, 'link', 'set', 'lo', 'up')
  const shape = ['tbf', 'rate', RATE, 'burst', '64k', 'latency', '50ms']
  run('tc', ['-n', namespace, 'qdisc', 'add', 'dev', inside, 'root', ...shape])
  const delayed = tryRun('tc', ['qdisc', 'add', 'dev', outside, 'root', 'netem', 'delay', DELAY])
  return {
    through: ['ip', 'netns', 'exec', namespace],
    addresses: list,
    description: delayed ? `${RATE}, ${DELAY}` : `${RATE}, no delay: this kernel has no netem`,
    bytes: () => Number(readFileSync(`/sys/class/net/${outside}/statistics/rx_bytes`, 'utf8')),
  }
}

function ip(...args: string[]): void {
  run('ip', args)
}

function run(program: string, args: readonly string[]): void {
  execFileSync(program, args, { stdio: ['ignore', 'ignore', 'pipe'] })
}

function tryRun(program: string, args: readonly string[]): boolean {
  try {
    run(program, args)
    return true
  } catch {
    return false
  }
}
