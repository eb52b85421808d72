import { CommandError, isExecFailure } from './command-error.js'
import type { Shipit } from './shipit.js'

/** Makes `shipit.local` stop when the run fails, and reject with a user-facing error, like commands on servers. */
export function adaptLocalCommands(shipit: Shipit, signal: () => AbortSignal): void {
  const local = shipit.local.bind(shipit)
  shipit.local = async (command, options) => {
    signal().throwIfAborted()
    return local(command, { signal: signal(), ...options }).catch((error: unknown) => {
      throw isExecFailure(error) ? new CommandError(command, error) : error
    })
  }
}
