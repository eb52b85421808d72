import { execFile } from 'node:child_process'
import { randomBytes, randomUUID } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { cephConfig, GATEWAY } from './ceph-config.js'
import { Daemon } from './daemon.js'
import { findProgram } from './find-program.js'
import { freeAddress, freePortOf } from './free-address.js'
import type { S3Access, S3Server } from './s3-server.js'

const run = promisify(execFile)

/** An S3 server with users. */
export interface Radosgw extends S3Server {
  /** Creates another user, without permissions on other users' buckets, and returns its credentials. */
  createUser(name: string): Promise<S3Access>
  /** Creates a role with all permissions that the server's default user can assume. Returns its ARN. */
  createRole(name: string): Promise<string>
}

export interface RadosgwOptions {
  /** Whether roles can be assumed. @default false */
  readonly temporaryCredentials?: boolean
  /** This machine's address that it listens on for requests. @default a loopback address */
  readonly address?: string
}

/** For the whole start. */
const START_SECONDS = 60

/**
 * Starts Ceph's S3 gateway with its own small in-memory cluster; several can run at the same time. Needs no root.
 * @throws with the last log lines of the daemon that did not start
 */
export async function startRadosgw(
  directory: string,
  { temporaryCredentials = false, address }: RadosgwOptions = {},
): Promise<Radosgw> {
  const root = resolve(directory)
  let deadline = Date.now() + START_SECONDS * 1000
  const secondsLeft = (): number => Math.max(0, (deadline - Date.now()) / 1000)
  const config = join(root, 'ceph.conf')
  const clusterId = randomUUID()
  const monitor = await freeAddress()
  // The monitor's host, because the storage daemons of other clusters choose their own ports on theirs.
  const gateway = address
    ? await freePortOf(address)
    : { host: monitor.host, port: (await freeAddress()).port }
  await mkdir(join(root, 'mon'), { recursive: true })
  await mkdir(join(root, 'osd'))
  await mkdir(join(root, 'rgw'))
  await writeFile(config, cephConfig({ directory: root, clusterId, monitor, gateway, temporaryCredentials }))

  const daemons: Daemon[] = []
  const stop = async (): Promise<void> => {
    for (const daemon of daemons.reverse()) await daemon.stop()
  }
  const start = async (name: string, ...args: string[]): Promise<Daemon> => {
    const daemon = Daemon.start({
      command: await findProgram(name),
      args: ['-c', config, ...args, '-f'],
      log: join(root, `${name}.log`),
    })
    daemons.push(daemon)
    return daemon
  }
  /** Runs one of Ceph's commands. Most wait for the daemon `waitsFor`, whose log shows why one fails. */
  const ceph = async (name: string, args: readonly string[], waitsFor?: Daemon): Promise<string> => {
    try {
      const program = await findProgram(name)
      const timeout = Math.ceil(secondsLeft() * 1000) || 1
      return (await run(program, ['-c', config, ...args], { timeout, killSignal: 'SIGKILL' })).stdout
    } catch (error) {
      throw new Error(`${(error as Error).message}${(await waitsFor?.logTail()) ?? ''}`, { cause: error })
    }
  }

  try {
    const monitorMap = join(root, 'monmap')
    const monitorAddress = `v2:${monitor.host}:${monitor.port}`
    await ceph('monmaptool', ['--create', '--addv', 'a', monitorAddress, '--fsid', clusterId, monitorMap])
    await ceph('ceph-mon', ['-i', 'a', '--mkfs', '--monmap', monitorMap])
    const mon = await start('ceph-mon', '-i', 'a')

    const storageId = randomUUID()
    const id = (await ceph('ceph', ['osd', 'new', storageId], mon)).trim()
    await ceph('ceph-osd', ['-i', id, '--mkfs', '--osd-uuid', storageId], mon)
    const osd = await start('ceph-osd', '-i', id)

    const endpoint = `http://${gateway.host}:${gateway.port}`
    const rgw = await start('radosgw', '-n', GATEWAY)
    await rgw.untilReady(() => answers(endpoint), secondsLeft())

    const createUser = async (name: string): Promise<S3Access> => {
      deadline = Date.now() + START_SECONDS * 1000
      const accessKeyId = randomBytes(10).toString('hex').toUpperCase()
      const secretAccessKey = randomBytes(20).toString('hex')
      const keys = [`--access-key=${accessKeyId}`, `--secret-key=${secretAccessKey}`]
      await ceph('radosgw-admin', ['user', 'create', `--uid=${name}`, `--display-name=${name}`, ...keys], osd)
      return { endpoint, region: 'us-east-1', accessKeyId, secretAccessKey }
    }
    const createRole = async (name: string): Promise<string> => {
      deadline = Date.now() + START_SECONDS * 1000
      const trust = policy({ Principal: { AWS: ['arn:aws:iam:::user/tests'] }, Action: ['sts:AssumeRole'] })
      const permissions = policy({ Action: ['s3:*'], Resource: ['arn:aws:s3:::*'] })
      const role = `--role-name=${name}`
      await ceph('radosgw-admin', ['role', 'create', role, `--assume-role-policy-doc=${trust}`], osd)
      await ceph(
        'radosgw-admin',
        ['role-policy', 'put', role, '--policy-name=all', `--policy-doc=${permissions}`],
        osd,
      )
      return `arn:aws:iam:::role/${name}`
    }
    return { ...(await createUser('tests')), createUser, createRole, stop }
  } catch (error) {
    await stop()
    throw new Error(`The S3 server for the tests did not start: ${(error as Error).message}`, {
      cause: error,
    })
  }
}

function policy(statement: object): string {
  return JSON.stringify({ Version: '2012-10-17', Statement: [{ Effect: 'Allow', ...statement }] })
}

function answers(endpoint: string): Promise<boolean> {
  return fetch(endpoint, { signal: AbortSignal.timeout(5000) }).then(
    (response) => response.ok,
    () => false,
  )
}
