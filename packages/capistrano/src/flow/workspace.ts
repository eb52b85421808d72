import { existsSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { DeployError } from '../errors.js'
import { runProgram, whyFailed } from '../processes/run-program.js'
import { DEFAULT_BRANCH } from '../settings/default-branch.js'
import type { EnvironmentConfig } from '../shipit/shipit.js'

/** shipit-deploy's settings for what is deployed. */
export interface WorkspaceSettings {
  readonly workspace?: string
  readonly rsyncFrom?: string
  readonly dirToCopy?: string
  /** @default true */
  readonly shallowClone?: boolean
}

/**
 * The folder that is copied. rsync would make the release like an empty one, too: as empty.
 * @throws {DeployError} `E_WORKSPACE` if there is nothing in it
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
    throw new DeployError(
      'E_WORKSPACE',
      "workspace: there is none to copy; 'deploy:fetch' makes one, or set it.",
    )
  const source = resolve(rsyncFrom, dirToCopy)
  const names = await readdir(source).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    throw new DeployError('E_WORKSPACE', `Can't read ${source}, which is to be deployed: ${error.message}.`)
  })
  if (names.some((name) => name !== '.git')) return source
  const { workspace: configured, repositoryUrl, shallowClone = true } = settings
  throw new DeployError(
    'E_WORKSPACE',
    configured && !repositoryUrl && shallowClone
      ? `shallowClone: without repositoryUrl it leaves an empty folder in the place of workspace; set it to false. There is nothing to deploy in ${source}.`
      : `There is nothing to deploy in ${source}: check workspace, rsyncFrom and dirToCopy, and what builds there.`,
  )
}

/**
 * The commit id that the workspace has of the branch; undefined if it is a folder in no repository, and should not be one.
 * @throws {DeployError} `E_WORKSPACE` if git can't tell
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
    `The workspace ${workspace} has no branch, tag or commit '${branch}', so it is not known what is deployed: correct branch or workspace. git says: ${whyFailed(outcome)}`,
  )
}

function isInRepository(folder: string): boolean {
  const parent = dirname(folder)
  return existsSync(join(folder, '.git')) || (parent !== folder && isInRepository(parent))
}
