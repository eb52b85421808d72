import type { ServerSettings } from './shipit.js'

/**
 * Converts `deploy@[::1]:2222` to an object, as ssh-pool would split it at the first colon. Leaves all else as it is.
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
