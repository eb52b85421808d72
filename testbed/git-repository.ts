import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { ScmRepository } from 'shipit-net-storage/testing'
import { gitEnvironment } from './sample-app.js'

/** Creates a git repository without commits in a folder. */
export async function createGitRepository(directory: string): Promise<ScmRepository> {
  const git = async (...args: string[]): Promise<string> => {
    const { stdout } = await promisify(execFile)('git', args, { cwd: directory, env: gitEnvironment() })
    return stdout.trim()
  }
  await git('init', '--quiet', '-b', 'main')
  return {
    url: directory,
    directory,
    async commit(message) {
      await git('add', '--all')
      await git('commit', '--quiet', '--allow-empty', '--message', message)
      return git('rev-parse', 'HEAD')
    },
    async branch(name) {
      await git('checkout', '--quiet', '-b', name)
    },
    async tag(name) {
      await git('tag', name)
    },
    async rewind() {
      await git('reset', '--quiet', '--hard', 'HEAD~1')
    },
  }
}
