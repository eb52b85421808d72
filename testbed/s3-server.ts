/** How to reach an S3 service. */
export interface S3Access {
  readonly endpoint: string
  readonly region: string
  readonly accessKeyId: string
  readonly secretAccessKey: string
}

/** An S3 service for as long as a test run or demo needs it. Buckets are addressed by path. */
export interface S3Server extends S3Access {
  /** Ends it, if it was started here. */
  stop(): Promise<void>
}
