import { debuglog } from 'node:util'
import { withoutCredentials } from '../git/without-credentials.js'
import type { ProgramOutcome } from './run-program.js'

const git = debuglog('shipit-git')
const ssh = debuglog('shipit-ssh')
const other = debuglog('shipit-program')

/** Where a program's runs are told; those of all others with the installers'. */
const SECTIONS: Readonly<Record<string, typeof other>> = { git, 'git-lfs': git, ssh }

/** Tells how a program ended, for those who set NODE_DEBUG. */
export function traceProgram<R extends PromiseLike<ProgramOutcome>>(
  command: readonly [string, ...string[]],
  running: R,
): R {
  const trace = SECTIONS[command[0]] ?? other
  if (trace.enabled)
    void running.then(({ exitCode, signal, code, durationMs }) =>
      trace(
        '%s: %s, %d ms',
        withoutCredentials(command.join(' ')),
        exitCode === undefined ? (code ?? signal) : `status ${exitCode}`,
        Math.round(durationMs),
      ),
    )
  return running
}
