import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { userInfo } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { accepts } from './accepts.js'
import { Daemon } from './daemon.js'
import { findProgram } from './find-program.js'
import { freeAddress, type Address } from './free-address.js'
import type { S3Server } from './s3-server.js'

const run = promisify(execFile)

const START_SECONDS = 60

/** Swift's kinds of data, each with its own server behind the proxy. */
const STORES = ['account', 'container', 'object'] as const

/**
 * Starts OpenStack Swift with its S3 API: a second implementation, independent of Ceph's. Needs no root. The folder must
 * be on a file system with extended attributes.
 * @throws with the last log lines of the daemon that did not start
 */
export async function startSwift(directory: string): Promise<S3Server> {
  const root = resolve(directory)
  await mkdir(join(root, 'disks/disk'), { recursive: true })
  const secretAccessKey = randomBytes(20).toString('hex')
  const [account, container, object, proxy, cache] = (await Promise.all(
    Array.from({ length: 5 }, () => freeAddress()),
  )) as [Address, Address, Address, Address, Address]
  const stores = { account, container, object }
  await makeRings(root, stores)

  const daemons: Daemon[] = []
  const stop = async (): Promise<void> => {
    await Promise.all(daemons.map((daemon) => daemon.stop()))
  }
  const start = async (program: string, args: readonly string[], { host, port }: Address): Promise<void> => {
    const daemon = Daemon.start({
      command: await findProgram(program),
      args,
      log: join(root, `${program}.log`),
    })
    daemons.push(daemon)
    await daemon.untilReady(() => accepts(host, port), START_SECONDS)
  }
  const serve = async (name: string, address: Address, config: string): Promise<void> => {
    const file = join(root, `${name}-server.conf`)
    await writeFile(file, commonConfig(root, address) + config)
    await start(`swift-${name}-server`, [file, '--verbose'], address)
  }

  try {
    await Promise.all([
      start('memcached', ['-u', userInfo().username, '-l', cache.host, '-p', String(cache.port)], cache),
      ...STORES.map((name) => serve(name, stores[name], storeConfig(name))),
      serve('proxy', proxy, proxyConfig(cache, secretAccessKey)),
    ])
    const endpoint = `http://${proxy.host}:${proxy.port}`
    return { endpoint, region: 'us-east-1', accessKeyId: 'test:tester', secretAccessKey, stop }
  } catch (error) {
    await stop()
    throw new Error(`Swift did not start: ${(error as Error).message}`, { cause: error })
  }
}

/** Rings map data to disks and servers: here all on one. */
async function makeRings(root: string, stores: Readonly<Record<string, Address>>): Promise<void> {
  // Swift's own python, which may not be the first on the PATH.
  const [shebang = ''] = (await readFile(await findProgram('swift-proxy-server'), 'utf8')).split('\n')
  const python = shebang.replace(/^#!\s*/, '')
  await run(python, ['-c', RINGS, root, JSON.stringify(stores)])
}

const RINGS = `
import json, sys
from array import array
from swift.common.ring import RingData
root, stores = sys.argv[1], json.loads(sys.argv[2])
for name, at in stores.items():
    device = dict(id=0, region=1, zone=1, ip=at['host'], port=at['port'], replication_ip=at['host'],
                  replication_port=at['port'], device='disk', weight=1.0, meta='')
    RingData([array('H', [0, 0])], [device], 31).save('%s/%s.ring.gz' % (root, name))
`

function commonConfig(root: string, { host, port }: Address): string {
  return `[DEFAULT]
bind_ip = ${host}
bind_port = ${port}
user = ${userInfo().username}
swift_dir = ${root}
devices = ${root}/disks
mount_check = false
workers = 0
log_level = WARNING
`
}

function storeConfig(name: string): string {
  return `
[pipeline:main]
pipeline = ${name}-server

[app:${name}-server]
use = egg:swift#${name}
fallocate_reserve = 0
`
}

function proxyConfig(cache: Address, secret: string): string {
  return `
[pipeline:main]
pipeline = catch_errors gatekeeper cache listing_formats s3api tempauth slo proxy-server

[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true

[filter:catch_errors]
use = egg:swift#catch_errors

[filter:gatekeeper]
use = egg:swift#gatekeeper

[filter:cache]
use = egg:swift#memcache
memcache_servers = ${cache.host}:${cache.port}

[filter:listing_formats]
use = egg:swift#listing_formats

[filter:s3api]
use = egg:swift#s3api
location = us-east-1
max_upload_part_num = 10000

[filter:tempauth]
use = egg:swift#tempauth
user_test_tester = ${secret} .admin

[filter:slo]
use = egg:swift#slo
`
}
