/**
 * The package `tmp`, which ssh-pool and shipit-deploy load, ends the process at once with status 0 on SIGINT. It looks
 * for its own listener by this name, too. What it cleans up, it cleans up when the process exits anyway.
 */
const EXITING_LISTENER = '_tmp$sigint_listener'

/** Takes such listeners away, until the returned function is called. */
export function withoutExitingListeners(): () => void {
  const exiting = process.listeners('SIGINT').filter(({ name }) => name === EXITING_LISTENER)
  for (const listener of exiting) process.off('SIGINT', listener)
  return () => {
    for (const listener of exiting) process.on('SIGINT', listener)
  }
}
