import type { Shipit } from 'shipit-capistrano'

/** Shipit plugins that install on servers, unless they are told not to, with the key of their settings. */
const PLUGINS = { npm: 'shipit-npm', yarn: 'shipit-yarn' }

/** Says, a line each, which plugins are about to install on the servers what the archive holds already. */
export function installedTwice({ config, netStorage }: Shipit): string[] {
  const { installer = 'none' } = netStorage.manifest?.builtWith ?? {}
  if (!/\b(npm|pnpm|yarn)\b/.test(String(installer))) return []
  return Object.entries(PLUGINS).flatMap(([key, plugin]) => {
    const { triggerEvent, remote } = (config[key] ?? {}) as { triggerEvent?: unknown; remote?: unknown }
    if (triggerEvent !== 'updated' || remote === false) return []
    return [
      `${plugin} installs on the servers what the archive holds already, installed by ${String(installer)}. To install once, set ${key}: { triggerEvent: false }, or netStorage.installer: false.`,
    ]
  })
}
