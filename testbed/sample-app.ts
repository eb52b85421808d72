import { execFile } from 'node:child_process'
import { chmod, mkdir, symlink, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

export interface SampleApp {
  /** Its repository, with `main` checked out. */
  readonly directory: string
  /**
   * Writes files and commits them.
   * @param files contents by path
   * @returns the full commit id
   */
  commit(files: Readonly<Record<string, string>>, message: string): Promise<string>
  /** Runs git in the repository and returns its output, without the final newline. */
  git(...args: string[]): Promise<string>
}

/** Creates a small application to deploy, in its own git repository with a first commit. */
export async function createSampleApp(directory: string): Promise<SampleApp> {
  const root = resolve(directory)
  await mkdir(root, { recursive: true })

  const git = async (...args: string[]): Promise<string> => {
    const { stdout } = await run('git', args, {
      cwd: root,
      env: gitEnvironment(),
      maxBuffer: 64 * 1024 * 1024,
    })
    return stdout.replace(/\n$/, '')
  }
  const commit = async (files: Readonly<Record<string, string>>, message: string): Promise<string> => {
    for (const [path, content] of Object.entries(files)) {
      const file = join(root, path)
      await mkdir(dirname(file), { recursive: true })
      await writeFile(file, content)
    }
    await git('add', '--all')
    await git('commit', '--quiet', '--allow-empty', '--message', message)
    return git('rev-parse', 'HEAD')
  }

  await git('init', '--quiet', '-b', 'main')
  await mkdir(join(root, 'bin'))
  await writeFile(join(root, 'bin/start'), START)
  await chmod(join(root, 'bin/start'), 0o755)
  await mkdir(join(root, 'config'))
  await symlink('production.json', join(root, 'config/current.json'))
  await commit(FILES, 'Say hello')
  return { directory: root, commit, git }
}

/** Shields git from the user's environment and configuration, such as signing. */
export function gitEnvironment(): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('GIT_'))
  return {
    ...Object.fromEntries(inherited),
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_CONFIG_SYSTEM: '/dev/null',
    GIT_AUTHOR_NAME: 'Sample Author',
    GIT_AUTHOR_EMAIL: 'author@example.com',
    GIT_COMMITTER_NAME: 'Sample Author',
    GIT_COMMITTER_EMAIL: 'author@example.com',
  }
}

const START = `#!/bin/sh
cd "$(dirname "$0")/.." || exit 1
exec node server.js
`

const SERVER = `import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'

const { version } = JSON.parse(readFileSync(new URL('public/build.json', import.meta.url), 'utf8'))
const { greeting } = JSON.parse(readFileSync(new URL('config/current.json', import.meta.url), 'utf8'))

createServer((request, response) => {
  response.end(greeting + ' from version ' + version + '\\n')
}).listen(Number(process.env.PORT ?? 3000), '127.0.0.1')
`

const BUILD = `import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'

// Set this to a FIFO to hold the build until the FIFO is closed.
if (process.env.HOLD_BUILD) readFileSync(process.env.HOLD_BUILD)

const version = readFileSync('VERSION', 'utf8').trim()
mkdirSync('public', { recursive: true })
writeFileSync('public/build.json', JSON.stringify({ version }) + '\\n')
`

const PACKAGE = {
  name: 'sample-app',
  version: '1.0.0',
  private: true,
  type: 'module',
  scripts: { build: 'node build.js', start: 'node server.js' },
}

const FILES = {
  'README.md': '# Sample app\n\nAn application to deploy. `npm run build`, then `bin/start`.\n',
  VERSION: '1\n',
  'build.js': BUILD,
  'config/production.json': `${JSON.stringify({ greeting: 'Hello' })}\n`,
  'package.json': `${JSON.stringify(PACKAGE, null, 2)}\n`,
  'server.js': SERVER,
  '.gitignore': 'public/build.json\nnode_modules/\n',
}
