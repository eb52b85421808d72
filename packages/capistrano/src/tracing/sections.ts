import { debuglog } from 'node:util'

/** NODE_DEBUG section for servers' commands and connections. */
export const ssh = debuglog('shipit-ssh')

/** NODE_DEBUG sections for programs on this machine; those without an entry, such as installers, share one. */
export const programSections = new Map([
  ['git', debuglog('shipit-git')],
  ['git-lfs', debuglog('shipit-git')],
  ['ssh', ssh],
])

export const otherPrograms = debuglog('shipit-program')
