import { nearest } from '../settings/nearest.js'
import type { Host } from '../ssh/host.js'
import { rolesOf, withRole } from './roles.js'

/** What `HOSTS` and `ROLES` leave of the servers, or what is wrong with them. */
export interface Filtered {
  readonly hosts: readonly Host[]
  /** One sentence each. */
  readonly mistakes: readonly string[]
}

/**
 * Narrows servers to those that the environment names: `HOSTS=web1,web2` by name, host, or host and port;
 * `ROLES=web,db`. Both together take what is in both. Capistrano's variables of these names.
 */
export function filterHosts(hosts: readonly Host[], env: NodeJS.ProcessEnv): Filtered {
  const mistakes: string[] = []
  const check = (variable: string, wanted: readonly string[], known: readonly string[]): void => {
    for (const name of wanted.filter((each) => !known.includes(each))) {
      const suggestion = nearest(name, known)
      const hint = suggestion ? `did you mean '${suggestion}'?` : `there are ${known.join(', ') || 'none'}`
      mistakes.push(`${variable}: none of the servers is '${name}'; ${hint}`)
    }
  }

  let kept = hosts
  const names = list(env['HOSTS'])
  if (names) {
    check('HOSTS', names, hosts.flatMap(namesOf))
    kept = kept.filter((host) => namesOf(host).some((name) => names.includes(name)))
  }
  const roles = list(env['ROLES'])
  if (roles) {
    check('ROLES', roles, ['all', ...new Set(hosts.flatMap(rolesOf))])
    kept = withRole(kept, roles)
  }
  if (mistakes.length === 0 && kept.length === 0 && hosts.length > 0) {
    mistakes.push(`HOSTS and ROLES: no server is in both '${env['HOSTS']}' and '${env['ROLES']}'`)
  }
  return { hosts: kept, mistakes }
}

function namesOf({ name, settings: { host, port } }: Host): string[] {
  return [...new Set([name, host, ...(port ? [`${host}:${port}`] : [])])]
}

function list(value: string | undefined): string[] | undefined {
  const names = value
    ?.split(',')
    .map((name) => name.trim())
    .filter(Boolean)
  return names && names.length > 0 ? names : undefined
}
