import type { Shipit } from 'shipit-capistrano'

/** Shipit plugins that install unless they are told not to, with the key of their settings. */
const PLUGINS = { npm: 'shipit-npm', yarn: 'shipit-yarn' }

/** Says, a line each, which plugins install in this run what the archive holds already. */
export function installedTwice({ config, netStorage }: Shipit): string[] {
  const { installer = 'none' } = netStorage.manifest?.builtWith ?? {}
  if (!/\b(npm|pnpm|yarn)\b/.test(String(installer))) return []
  return Object.entries(PLUGINS).flatMap(([key, plugin]) => {
    // The plugin sets it at the start of a deploy.
    const { triggerEvent, remote } = (config[key] ?? {}) as { triggerEvent?: unknown; remote?: unknown }
    if (!triggerEvent) return []
    const place = remote === false ? 'in the workspace' : 'on the servers'
    return [
      `${plugin} installs ${place} what ${String(installer)} has installed into the archive. To install once, set ${key}: { triggerEvent: false }, or netStorage.installer: false.`,
    ]
  })
}
