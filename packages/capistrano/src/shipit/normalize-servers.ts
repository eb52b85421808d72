import type { ServerSettings } from './shipit.js'

/**
 * `deploy@[::1]:2222` as an object: ssh-pool takes the first colon for the port's. All else stays as it is.
 */
export function normalizeServers(
  servers: string | ServerSettings | readonly (string | ServerSettings)[],
): (string | ServerSettings)[] {
  const all = typeof servers === 'string' || !isList(servers) ? [servers] : servers
  return all.map((server) => {
    if (typeof server !== 'string') return { ...server }
    const [, user = 'deploy', host, port] = /^(?:([^@]+)@)?\[([^\]]+)\](?::(\d+))?$/.exec(server) ?? []
    if (host === undefined) return server
    return { user, host, ...(port === undefined ? {} : { port: Number(port) }) }
  })
}

function isList(
  servers: ServerSettings | readonly (string | ServerSettings)[],
): servers is readonly (string | ServerSettings)[] {
  return Array.isArray(servers)
}
