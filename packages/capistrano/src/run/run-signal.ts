import { AsyncLocalStorage } from 'node:async_hooks'
import { setMaxListeners } from 'node:events'

/** One for all: Node passes each that there is on with every promise. */
const started = new AsyncLocalStorage<{ readonly by: RunSignal; readonly signal: AbortSignal }>()

/**
 * The signal that ends what a run has under way. Failure tasks get one of their own; what the failed run started goes by
 * the one that it was started with, however late it asks, so that it starts nothing more.
 */
export class RunSignal {
  private controller = newController()

  /** Of the task that asks. */
  get current(): AbortSignal {
    const found = started.getStore()
    return found?.by === this ? found.signal : this.controller.signal
  }

  /** Ends what is under way. What is started from now on is not ended. */
  abort(reason: Error): void {
    const failed = this.controller
    this.controller = newController()
    failed.abort(reason)
  }

  /** Starts something: all of it goes by the signal of now. */
  start<T>(run: () => T): T {
    return started.run({ by: this, signal: this.controller.signal }, run)
  }
}

function newController(): AbortController {
  const controller = new AbortController()
  // As many listeners as there are servers are no leak.
  setMaxListeners(0, controller.signal)
  return controller
}
