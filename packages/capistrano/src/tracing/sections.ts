import { debuglog } from 'node:util'

/** What NODE_DEBUG can ask for: what servers run, and the connections to them. */
export const ssh = debuglog('shipit-ssh')

/** Where runs of this machine's programs are told: git's by themselves, the others', as installers', together. */
export const programSections = new Map([
  ['git', debuglog('shipit-git')],
  ['git-lfs', debuglog('shipit-git')],
  ['ssh', ssh],
])

export const otherPrograms = debuglog('shipit-program')
