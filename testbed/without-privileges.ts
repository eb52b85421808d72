import { findProgram } from './find-program.js'

/** Words to put before a command that owners and modes of files are to bind, also where this process is root's. */
export async function withoutPrivileges(): Promise<string[]> {
  if (process.getuid?.() !== 0) return []
  return [await findProgram('setpriv'), '--bounding-set=-dac_override,-dac_read_search']
}
