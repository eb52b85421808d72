import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { DeployError } from '../errors.js'
import type { EnvironmentConfig } from '../shipit/shipit.js'
import { gitAccess } from './access.js'
import { gitEnvironment } from './environment.js'
import { withoutCredentials } from './without-credentials.js'

/**
 * What the repository says of the branch; undefined if there is no repository, or none of its references is named so.
 * @throws {DeployError} `E_REPOSITORY`
 */
export async function findRevision(settings: EnvironmentConfig): Promise<string | undefined> {
  const { repositoryUrl, branch = 'master', gitConfig = {} } = settings
  if (!repositoryUrl) return undefined
  const access = gitAccess(repositoryUrl)
  const config = [...Object.entries(gitConfig), ['remote.shipit.url', access.url] as const]
  const args = ['ls-remote', 'shipit', branch, `${branch}^{}`]
  const { stdout } = await promisify(execFile)('git', args, {
    env: gitEnvironment({ access, config }),
  }).catch(({ stderr = '', message }: Error & { stderr?: string }) => {
    const said = withoutCredentials(stderr.trim() || message)
    throw new DeployError(
      'E_REPOSITORY',
      `Can't read the repository ${withoutCredentials(repositoryUrl)}: check repositoryUrl, the network, and your access. git says: ${said}`,
    )
  })
  const found = stdout.split('\n').map((line) => line.split('\t'))
  const of = (reference: string): string | undefined => found.find(([, name]) => name === reference)?.[0]
  return of(`refs/heads/${branch}`) ?? of(`refs/tags/${branch}^{}`) ?? of(`refs/tags/${branch}`)
}
