export { S3Transport } from './s3-transport.js'
export type { S3TransportOptions } from './settings.js'
