import { mkdtempSync, rmdirSync } from 'node:fs'
import { chown, mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { CreateBucketCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3'
import { startFleet, type Fleet } from '../../testbed/fleet.js'
import { startRadosgw } from '../../testbed/radosgw.js'
import type { S3Server } from '../../testbed/s3-server.js'
import type { CleanUp } from './clean-up.js'
import { createUplink, type Uplink } from './uplink.js'
import type { Shell, User } from './users.js'

export const BUCKET = 'deploys'

/** Servers and storage, and the deploy machine's link to them. */
export interface Site {
  readonly fleet: Fleet
  readonly storage: S3Server
  readonly uplink: Uplink | undefined
  /** A folder that each server has for itself. */
  readonly mountedAt: string
  /** Where to look for a path of that folder from outside of the server. */
  outside(server: string, path: string): string
  /** Removes a path of that folder from all servers. */
  wipe(path: string): Promise<void>
  /** The size of the largest object in storage. */
  largestObject(): Promise<number>
}

export interface SiteOptions {
  readonly directory: string
  readonly servers: number
  readonly users: Readonly<Record<Shell, User>>
  /** Whether the deploy machine's link is slow. */
  readonly slowUplink: boolean
  readonly cleanUp: CleanUp
}

export async function startSite({
  directory,
  servers,
  users,
  slowUplink,
  cleanUp,
}: SiteOptions): Promise<Site> {
  const mountedAt = mkdtempSync('/srv/bench-')
  cleanUp.add(() => rmdirSync(mountedAt))
  cleanUp.add(() => rm(directory, { recursive: true, force: true }))
  const uplink = slowUplink ? createUplink(servers + 1, cleanUp) : undefined
  const [storageAddress, ...addresses] = uplink?.addresses ?? []
  const storage = await startRadosgw(
    join(directory, 'storage'),
    storageAddress ? { address: storageAddress } : {},
  )
  cleanUp.add(() => storage.stop())
  const names = Array.from({ length: servers }, (_, index) => `web${index + 1}`)
  const fleet = await startFleet({ directory, names, addresses, mountedAt })
  cleanUp.add(() => fleet.stop())

  const outside = (server: string, path: string): string => join(fleet.host(server).home, path)
  for (const name of names)
    for (const [shell, { uid, gid }] of Object.entries(users)) {
      await mkdir(outside(name, shell))
      await chown(outside(name, shell), uid, gid)
    }
  const { endpoint, region, accessKeyId, secretAccessKey } = storage
  const credentials = { accessKeyId, secretAccessKey }
  const client = new S3Client({ endpoint, region, credentials, forcePathStyle: true })
  cleanUp.add(() => client.destroy())
  await client.send(new CreateBucketCommand({ Bucket: BUCKET }))
  return {
    fleet,
    storage,
    uplink,
    mountedAt,
    outside,
    async wipe(path) {
      for (const name of names) await rm(outside(name, path), { recursive: true, force: true })
    },
    async largestObject() {
      const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket: BUCKET }))
      return Math.max(0, ...Contents.map(({ Size = 0 }) => Size))
    },
  }
}
