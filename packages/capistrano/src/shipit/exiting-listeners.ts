/**
 * The package `tmp`, which ssh-pool and shipit-deploy load, exits immediately with status 0 on SIGINT. It identifies its own
 * listener by this name as well. Its clean-up also runs on process exit, so nothing is lost without the listener.
 */
const EXITING_LISTENER = '_tmp$sigint_listener'

/** Removes such listeners until the returned function is called. */
export function withoutExitingListeners(): () => void {
  const exiting = process.listeners('SIGINT').filter(({ name }) => name === EXITING_LISTENER)
  for (const listener of exiting) process.off('SIGINT', listener)
  return () => {
    for (const listener of exiting) process.on('SIGINT', listener)
  }
}
