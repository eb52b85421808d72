import { findProgram } from './find-program.js'

/** Command prefix that makes a command respect file permissions, even if this process runs as root. */
export async function withoutPrivileges(): Promise<string[]> {
  if (process.getuid?.() !== 0) return []
  return [await findProgram('setpriv'), '--bounding-set=-dac_override,-dac_read_search']
}
