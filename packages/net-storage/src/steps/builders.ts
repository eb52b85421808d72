import type { Deployment } from '../deployment.js'

/** Tasks of others that run before another task. */
export function othersUntil({ plugin }: Deployment, task: string): string[] {
  return plugin.tasksUntil(task).filter((name) => !name.startsWith('net_storage:'))
}

/** The first listener of each is Shipit's own. */
const TASK_EVENTS = ['task_start', 'task_stop'] as const

/**
 * What may build in the workspace before it is packed, besides hooks of `net_storage:prepare_archive`, for messages:
 * listeners to `fetched` or to task events, and tasks in between. With shipit-deploy, that is where builds run.
 */
export function findBuilders(deployment: Deployment): string[] {
  const { shipit } = deployment
  const listeners = shipit
    .listeners('fetched')
    .map((listener, index) => `on('fetched') ${named(listener, index)}`)
  const watchers = TASK_EVENTS.flatMap((event) =>
    shipit
      .listeners(event)
      .slice(1)
      .map((listener, index) => `on('${event}') ${named(listener, index)}`),
  )
  return [...listeners, ...watchers, ...othersUntil(deployment, 'net_storage:upload_archive')]
}

function named({ name }: { readonly name: string }, index: number): string {
  return name || String(index + 1)
}
