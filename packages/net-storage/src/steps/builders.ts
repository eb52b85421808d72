import type { Deployment } from '../deployment.js'

/** Tasks of others that run before another task. */
export function othersUntil({ plugin }: Deployment, task: string): string[] {
  return plugin.tasksUntil(task).filter((name) => !name.startsWith('net_storage:'))
}

/**
 * What may build in the workspace before it is packed, besides hooks of `net_storage:prepare_archive`, for messages:
 * listeners to `fetched` or to task events, and tasks in between. With shipit-deploy, that is where builds run.
 */
export function findBuilders(deployment: Deployment): string[] {
  const { shipit, plugin } = deployment
  const listeners = shipit
    .listeners('fetched')
    .map((listener, index) => `on('fetched') ${named(listener, index)}`)
  return [...listeners, ...plugin.taskWatchers(), ...othersUntil(deployment, 'net_storage:upload_archive')]
}

function named({ name }: { readonly name: string }, index: number): string {
  return name || String(index + 1)
}
