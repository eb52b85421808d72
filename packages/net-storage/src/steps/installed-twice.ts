import type { Shipit } from 'shipit-capistrano'

/** Shipit plugins that install by default, by the key of their settings. */
const PLUGINS = { npm: 'shipit-npm', yarn: 'shipit-yarn' }

/** A warning for each plugin that, in this run, installs again what the archive already contains. */
export function installedTwice({ config, netStorage }: Shipit): string[] {
  const { installer = 'none' } = netStorage.manifest?.builtWith ?? {}
  if (!/\b(npm|pnpm|yarn)\b/.test(String(installer))) return []
  return Object.entries(PLUGINS).flatMap(([key, plugin]) => {
    // Set by the plugin at the start of a deploy.
    const { triggerEvent, remote } = (config[key] ?? {}) as { triggerEvent?: unknown; remote?: unknown }
    if (!triggerEvent) return []
    const place = remote === false ? 'in the workspace' : 'on the servers'
    return [
      `${plugin} installs again ${place} what ${String(installer)} already installed into the archive. To install only once, set ${key}: { triggerEvent: false }, or netStorage.installer: false.`,
    ]
  })
}
