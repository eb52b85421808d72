import { counted, type Host } from 'shipit-capistrano'
import type { Deployment } from '../deployment.js'
import { serverScript } from '../servers/scripts.js'
import { fetchOntoAll } from './release.js'

/** Fetches the archive on every server in advance; nothing goes live. */
export async function prefetch(deployment: Deployment): Promise<void> {
  const { shipit, settings, hosts, revision } = deployment
  const extract = settings.prefetch === 'extract'
  await fetchOntoAll(deployment, extract ? 'extract' : 'prefetch')
  const have = counted(hosts.length, 'server has', 'servers have')
  shipit.log(`${have} the archive of ${revision}${extract ? ', unpacked' : ''}.`)
}

/** The revisions whose archives a server has prefetched. */
export async function describePrefetched({ plugin, archivesPath }: Deployment, host: Host): Promise<string> {
  const script = serverScript('prefetched').with({
    deploy_to: plugin.deployTo(),
    archives_path: archivesPath,
  })
  const { revision: revisions = [] } = await host.script(script)
  return revisions.map((revision) => revision.slice(0, 12)).join(', ') || '-'
}
