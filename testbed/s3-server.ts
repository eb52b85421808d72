/** How to reach an S3 service. */
export interface S3Access {
  readonly endpoint: string
  readonly region: string
  readonly accessKeyId: string
  readonly secretAccessKey: string
}

/** An S3 service for a test run or the demo. Buckets are in the URL's path. */
export interface S3Server extends S3Access {
  /** Stops it, if it was started here. */
  stop(): Promise<void>
}
