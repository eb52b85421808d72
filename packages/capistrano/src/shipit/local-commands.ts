import { CommandError, isExecFailure } from './command-error.js'
import type { Shipit } from './shipit.js'

/** Has Shipit's own commands of the deploy machine end when the run fails, and fail with an error for people, as those on servers do. */
export function adaptLocalCommands(shipit: Shipit, signal: () => AbortSignal): void {
  const local = shipit.local.bind(shipit)
  shipit.local = async (command, options) => {
    signal().throwIfAborted()
    return local(command, { signal: signal(), ...options }).catch((error: unknown) => {
      throw isExecFailure(error) ? new CommandError(command, error) : error
    })
  }
}
