export { S3Transport } from './s3-transport.js'
export type { S3TransportOptions } from './settings.js'
export { S3Lock } from './lock/s3-lock.js'
export type { S3LockOptions } from './lock/settings.js'
