import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { CleanUp } from './clean-up.js'

/** Users log in with /bin/sh, or with bash and a `.bashrc` as version managers leave it. */
export const SHELLS = ['plain', 'slow'] as const
export type Shell = (typeof SHELLS)[number]

export interface User {
  readonly name: string
  readonly uid: number
  readonly gid: number
}

/** Processor time of one start of the slow shell. */
const SLOW_SECONDS = 0.05

/** Creates a user of this machine for each shell. Needs root. */
export function createUsers(directory: string, cleanUp: CleanUp): Record<Shell, User> {
  const plain = createUser({ shell: '/bin/sh', directory, cleanUp })
  const slow = createUser({ shell: '/bin/bash', directory, cleanUp })
  const bashrc = join(directory, slow.name, '.bashrc')
  writeFileSync(bashrc, busyWork(calibrate(directory)))
  chmodSync(bashrc, 0o644)
  return { plain, slow }
}

interface UserOptions {
  readonly shell: string
  readonly directory: string
  readonly cleanUp: CleanUp
}

function createUser({ shell, directory, cleanUp }: UserOptions): User {
  const name = `bench${randomBytes(4).toString('hex')}`
  const home = join(directory, name)
  execFileSync('useradd', ['-m', '-k', '/nonexistent', '-d', home, '-s', shell, '-p', '*', name], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  cleanUp.add(() => execFileSync('userdel', ['-f', '-r', name], { stdio: 'ignore' }))
  const [, , uid, gid] =
    readFileSync('/etc/passwd', 'utf8')
      .split('\n')
      .find((line) => line.startsWith(`${name}:`))
      ?.split(':') ?? []
  return { name, uid: Number(uid), gid: Number(gid) }
}

/** A `.bashrc`. Works instead of sleeping: with many servers on one machine, sleeping would cost nothing. */
function busyWork(loops: number): string {
  return `for ((i = 0; i < ${loops}; i++)); do :; done\nunset i\n`
}

/** Returns how many loops take this machine {@link SLOW_SECONDS}. */
function calibrate(directory: string): number {
  const file = join(directory, 'calibrate')
  const loops = 100_000
  writeFileSync(file, busyWork(loops))
  const seconds = Array.from({ length: 5 }, () => {
    const from = performance.now()
    execFileSync('bash', [file])
    return (performance.now() - from) / 1000
  })
  return Math.round((loops * SLOW_SECONDS) / Math.min(...seconds))
}
