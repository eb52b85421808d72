import { DeployError } from 'shipit-capistrano'

/**
 * The repository can't provide what is to be deployed. Codes: `E_REPOSITORY` (can't be read), `E_REPOSITORY_EMPTY`,
 * `E_BRANCH` (no such branch, tag or commit), `E_REPO_TREE` (no such folder), `E_GIT_LFS` (git-lfs is missing),
 * `E_SCM` (the program failed otherwise).
 */
export class ScmError extends DeployError {}
