import { gitAccess } from '../git/access.js'
import { gitEnvironment } from '../git/environment.js'
import type { Shipit } from './shipit.js'

/**
 * Hides the password in `repositoryUrl`: shipit-deploy logs the URL, and passes it to git as an argument, which every user of
 * the machine can see and git keeps in the workspace. git gets the URL without the password, and a credential helper.
 */
export function hideRepositoryPassword(shipit: Shipit): void {
  const shown = (text: string): string => {
    const { repositoryUrl } = shipit.config
    return repositoryUrl ? text.replaceAll(repositoryUrl, gitAccess(repositoryUrl).url) : text
  }
  const log = shipit.log.bind(shipit)
  shipit.log = (...args) => log(...args.map((each) => (typeof each === 'string' ? shown(each) : each)))

  const local = shipit.local.bind(shipit)
  shipit.local = (command, options) => {
    const { repositoryUrl } = shipit.config
    if (!repositoryUrl || !/^\s*git\s/.test(command)) return local(command, options)
    const access = gitAccess(repositoryUrl)
    if (access.url === repositoryUrl) return local(command, options)
    const { env } = (options ?? {}) as { env?: NodeJS.ProcessEnv }
    return local(shown(command), { ...options, env: gitEnvironment({ access, ...(env ? { env } : {}) }) })
  }
}
