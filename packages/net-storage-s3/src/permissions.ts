const ON_BUCKET = new Set(['s3:ListBucket', 's3:ListBucketMultipartUploads'])

/** A permission as in a policy: `s3:PutObject on arn:aws:s3:::bucket/prefix/*`. */
export function permission(
  action: string,
  {
    bucket,
    prefix,
    region = '',
  }: { readonly bucket: string; readonly prefix: string; readonly region: string | undefined },
): string {
  const partition = region.startsWith('cn-') ? 'aws-cn' : region.startsWith('us-gov-') ? 'aws-us-gov' : 'aws'
  return `${action} on arn:${partition}:s3:::${bucket}${ON_BUCKET.has(action) ? '' : `/${prefix}*`}`
}
