import { existsSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { DeployError } from '../errors.js'
import { runProgram, whyFailed } from '../processes/run-program.js'
import { DEFAULT_BRANCH } from '../settings/default-branch.js'
import type { EnvironmentConfig } from '../shipit/shipit.js'

/** shipit-deploy's settings for what to deploy. */
export interface WorkspaceSettings {
  readonly workspace?: string
  readonly rsyncFrom?: string
  readonly dirToCopy?: string
  /** @default true */
  readonly shallowClone?: boolean
}

/**
 * The folder to copy. rsync would also copy an empty one, and empty the release.
 * @throws {DeployError} `E_WORKSPACE` if it is empty
 */
export async function sourceFolder(
  workspace: string | undefined,
  {
    rsyncFrom = workspace,
    dirToCopy = '',
    ...settings
  }: WorkspaceSettings & Pick<EnvironmentConfig, 'repositoryUrl'>,
): Promise<string> {
  if (!rsyncFrom)
    throw new DeployError('E_WORKSPACE', "workspace: there is none to copy; set it, or run 'deploy:fetch'.")
  const source = resolve(rsyncFrom, dirToCopy)
  const names = await readdir(source).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    throw new DeployError('E_WORKSPACE', `Can't read the folder to deploy, ${source}: ${error.message}.`)
  })
  if (names.some((name) => name !== '.git')) return source
  const { workspace: configured, repositoryUrl, shallowClone = true } = settings
  throw new DeployError(
    'E_WORKSPACE',
    configured && !repositoryUrl && shallowClone
      ? `shallowClone: without repositoryUrl it replaces workspace with an empty folder; set it to false. There is nothing to deploy in ${source}.`
      : `There is nothing to deploy in ${source}: check workspace, rsyncFrom, dirToCopy and the build.`,
  )
}

/**
 * The branch's commit id in the workspace; undefined without `repositoryUrl` if the workspace is not in a repository.
 * @throws {DeployError} `E_WORKSPACE` if git does not find it
 */
export async function workspaceRevision(
  workspace: string,
  { branch = DEFAULT_BRANCH, repositoryUrl }: EnvironmentConfig,
): Promise<string | undefined> {
  if (!repositoryUrl && !isInRepository(workspace)) return undefined
  const args = ['rev-parse', '--verify', '--end-of-options', `${branch}^{commit}`] as const
  const outcome = await runProgram(['git', ...args], { cwd: workspace })
  if (!outcome.failed) return outcome.stdout.trim()
  throw new DeployError(
    'E_WORKSPACE',
    `The workspace ${workspace} has no branch, tag or commit '${branch}', so the revision is unknown: correct branch or workspace. git says: ${whyFailed(outcome)}`,
  )
}

function isInRepository(folder: string): boolean {
  const parent = dirname(folder)
  return existsSync(join(folder, '.git')) || (parent !== folder && isInRepository(parent))
}
