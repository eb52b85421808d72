import { mkdir } from 'node:fs/promises'
import { runProgram, whyFailed } from 'shipit-capistrano'
import { InstallerError } from './installer-error.js'

/**
 * Copies a folder's content into another one, with permission bits, links and times. Uses `cp`, which is several times as
 * fast for many small files, and shares blocks if the file system can.
 */
export async function copyTree(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true })
  const outcome = await runProgram(['cp', '-a', `${from}/.`, to])
  if (outcome.failed)
    throw new InstallerError('E_INSTALLER', `Can't copy ${from} to ${to}: ${whyFailed(outcome)}`)
}
