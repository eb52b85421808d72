import { nearest } from '../settings/nearest.js'
import type { Host } from '../ssh/host.js'
import { rolesOf, withRole } from './roles.js'

/** The servers that `HOSTS` and `ROLES` select, or the mistakes in these variables. */
export interface Filtered {
  readonly hosts: readonly Host[]
  readonly mistakes: readonly string[]
}

/**
 * Narrows servers by environment variables: `HOSTS=web1,web2` by name, host, or host and port; `ROLES=web,db` by role. A server
 * must match both. Capistrano's variables of these names.
 */
export function filterHosts(hosts: readonly Host[], env: NodeJS.ProcessEnv): Filtered {
  const mistakes: string[] = []
  const check = (variable: string, wanted: readonly string[], known: readonly string[]): void => {
    for (const name of wanted.filter((each) => !known.includes(each))) {
      const suggestion = nearest(name, known)
      const hint = suggestion ? `did you mean '${suggestion}'?` : `known: ${known.join(', ') || 'none'}`
      mistakes.push(`${variable}: no server matches '${name}'; ${hint}`)
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
    mistakes.push(`HOSTS and ROLES: no server matches both '${env['HOSTS']}' and '${env['ROLES']}'`)
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
