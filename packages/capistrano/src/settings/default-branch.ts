/** What is deployed unless `branch` is set: shipit-deploy's default. */
export const DEFAULT_BRANCH = 'master'
