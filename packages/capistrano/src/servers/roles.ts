import type { Host } from '../ssh/host.js'

export function rolesOf({ settings: { roles = [] } }: Host): readonly string[] {
  return typeof roles === 'string' ? [roles] : roles
}

/** The servers with any of the roles; all of them for `'all'`. Capistrano's `roles`. */
export function withRole(hosts: readonly Host[], roles: readonly string[]): Host[] {
  if (roles.includes('all')) return [...hosts]
  return hosts.filter((host) => rolesOf(host).some((role) => roles.includes(role)))
}

/** The servers that take releases: not `noRelease`. Capistrano's `release_roles`. */
export function releasing(hosts: readonly Host[]): Host[] {
  return hosts.filter(({ settings }) => settings.noRelease !== true)
}

/** A role's server with `primary: true`, or its first server. Capistrano's `primary`. */
export function primaryOf(hosts: readonly Host[], role: string): Host | undefined {
  const candidates = withRole(hosts, [role])
  return candidates.find(({ settings }) => settings.primary === true) ?? candidates[0]
}
