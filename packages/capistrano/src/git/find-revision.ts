import { DeployError } from '../errors.js'
import { runProgram, whyFailed } from '../processes/run-program.js'
import { DEFAULT_BRANCH } from '../settings/default-branch.js'
import type { EnvironmentConfig } from '../shipit/shipit.js'
import { gitAccess } from './access.js'
import { gitEnvironment } from './environment.js'
import { withoutCredentials } from './without-credentials.js'

/**
 * The commit id of the branch or tag in the repository; undefined if there is no repository or no such reference.
 * @throws {DeployError} `E_REPOSITORY`
 */
export async function findRevision(settings: EnvironmentConfig): Promise<string | undefined> {
  const { repositoryUrl, branch = DEFAULT_BRANCH, gitConfig = {} } = settings
  if (!repositoryUrl) return undefined
  const access = gitAccess(repositoryUrl)
  const config = [...Object.entries(gitConfig), ['remote.shipit.url', access.url] as const]
  const command = ['git', 'ls-remote', 'shipit', branch, `${branch}^{}`] as const
  const outcome = await runProgram(command, { env: gitEnvironment({ access, config }) })
  if (outcome.failed)
    throw new DeployError(
      'E_REPOSITORY',
      withoutCredentials(
        `Can't read the repository ${repositoryUrl}: check repositoryUrl, the network, and your access. git says: ${whyFailed(outcome)}`,
      ),
    )
  const found = outcome.stdout.split('\n').map((line) => line.split('\t'))
  const of = (reference: string): string | undefined => found.find(([, name]) => name === reference)?.[0]
  return of(`refs/heads/${branch}`) ?? of(`refs/tags/${branch}^{}`) ?? of(`refs/tags/${branch}`)
}
