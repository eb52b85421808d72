export { S3Transport } from './s3-transport.js'
export type { S3TransportOptions } from './settings.js'
export { S3LockStore } from './lock/s3-lock-store.js'
export type { S3LockStoreOptions } from './lock/settings.js'
