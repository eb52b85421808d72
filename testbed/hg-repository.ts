import { execFile } from 'node:child_process'
import { appendFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { ScmRepository } from 'shipit-net-storage/testing'

/** Creates a Mercurial repository without commits in a folder. */
export async function createHgRepository(directory: string): Promise<ScmRepository> {
  const hg = async (...args: string[]): Promise<string> => {
    const env = { ...process.env, HGPLAIN: '1', HGRCPATH: '', HGENCODING: 'utf-8', HGUSER: 'Author' }
    return (await promisify(execFile)('hg', args, { cwd: directory, env })).stdout.trim()
  }
  await hg('init')
  await appendFile(join(directory, '.hg/hgrc'), '[extensions]\nstrip =\n')
  await hg('branch', 'main')
  return {
    url: directory,
    directory,
    async commit(message) {
      await hg('commit', '--addremove', '--message', message)
      return hg('log', '--rev', '.', '--template', '{node}')
    },
    async branch(name) {
      await hg('branch', '--', name)
    },
    async tag(name) {
      await hg('tag', '--', name)
    },
    async rewind() {
      await hg('strip', '--no-backup', '--rev', '.')
    },
  }
}
