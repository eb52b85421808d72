import { AsyncLocalStorage } from 'node:async_hooks'
import { setMaxListeners } from 'node:events'

/** Shared by all runs: Node passes every store on with every promise. */
const started = new AsyncLocalStorage<{ readonly by: RunSignal; readonly signal: AbortSignal }>()

/**
 * The signal that cancels a run's work. Failure tasks get a new one; code of the failed run keeps seeing the old one, however
 * late it asks, so that it starts nothing more.
 */
export class RunSignal {
  private controller = newController()

  /** The calling task's signal. */
  get current(): AbortSignal {
    const found = started.getStore()
    return found?.by === this ? found.signal : this.controller.signal
  }

  /** Cancels what is running, but not what is started from now on. */
  abort(reason: Error): void {
    const failed = this.controller
    this.controller = newController()
    failed.abort(reason)
  }

  /** Runs code with the current signal. */
  start<T>(run: () => T): T {
    return started.run({ by: this, signal: this.controller.signal }, run)
  }
}

function newController(): AbortController {
  const controller = new AbortController()
  // One listener per server is not a leak.
  setMaxListeners(0, controller.signal)
  return controller
}
