import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { findProgram } from '../../testbed/find-program.js'

/**
 * Wraps programs: each wrapper appends its arguments and, if `environment` is set, its environment to a file, and then runs
 * the real program.
 */
export async function traceTools(
  folder: string,
  names: readonly string[],
  { log, environment }: { readonly log: string; readonly environment: boolean },
): Promise<void> {
  await mkdir(folder, { recursive: true })
  for (const name of names) {
    const path = join(folder, name)
    const program = await findProgram(name)
    await rm(path, { force: true })
    const note = ['cmdline', ...(environment ? ['environ'] : [])].map((file) => `/proc/$$/${file}`).join(' ')
    await writeFile(`${path}.new`, `#!/bin/sh\n/bin/cat ${note} >>'${log}'\nexec ${program} "$@"\n`, {
      mode: 0o755,
    })
    await rename(`${path}.new`, path)
  }
}
