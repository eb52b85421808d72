import { randomBytes } from 'node:crypto'
import type { Address } from './free-address.js'

export interface CephConfigOptions {
  /** Folder for all of the cluster's files. */
  readonly directory: string
  readonly clusterId: string
  readonly monitor: Address
  readonly gateway: Address
  /** Whether roles can be assumed. This changes the response to wrong keys. */
  readonly temporaryCredentials: boolean
}

/** The gateway's user id in the cluster, and the name of its section below. */
export const GATEWAY = 'client.rgw.x'

/** The id of the gateway's only encryption key. */
export const KMS_KEY = 'testkey'

/**
 * Configuration of a Ceph cluster with one monitor, one in-memory storage daemon and one S3 gateway, without authentication
 * between them. Uses nothing outside its folder.
 */
export function cephConfig({
  directory,
  clusterId,
  monitor,
  gateway,
  temporaryCredentials,
}: CephConfigOptions): string {
  const kmsKey = randomBytes(32).toString('base64')
  return `[global]
fsid = ${clusterId}
mon host = v2:${monitor.host}:${monitor.port}
mon initial members = a
public addr = ${monitor.host}
cluster addr = ${monitor.host}
auth cluster required = none
auth service required = none
auth client required = none
ms bind msgr1 = false
ms bind ipv6 = false
run dir = ${directory}
admin socket =
crash dir = ${directory}/crash
log file =
log to stderr = true
err to stderr = true
pid file =
mon data = ${directory}/mon
osd data = ${directory}/osd
rgw data = ${directory}/rgw
osd objectstore = memstore
memstore device bytes = 8G
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 8
osd pool default pgp num = 8
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
mon allow pool size one = true
mon max pg per osd = 1000
mon data avail crit = 1
osd class load list = *
osd class default list = *
paxos propose interval = 0.05

[${GATEWAY}]
# The gateway does not start without it.
ms mon client mode = crc secure
${temporaryCredentials ? `rgw sts key = ${randomBytes(8).toString('hex')}\nrgw s3 auth use sts = true\n` : ''}# Allows encryption keys over plain HTTP.
rgw crypt require ssl = false
rgw crypt s3 kms backend = testing
rgw crypt s3 kms encryption keys = ${KMS_KEY}=${kmsKey}
rgw frontends = beast endpoint=${gateway.host}:${gateway.port} tcp_nodelay=1
`
}
