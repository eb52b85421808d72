/** Default of `branch`, as in shipit-deploy. */
export const DEFAULT_BRANCH = 'master'
