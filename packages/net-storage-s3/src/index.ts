export { S3Transport } from './s3-transport.js'
export type { S3TransportOptions } from './settings.js'
export { S3LockStore, type S3LockStoreOptions } from './s3-lock-store.js'
