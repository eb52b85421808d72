import { execFile, execFileSync } from 'node:child_process'
import { access, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, vi } from 'vitest'
import { createGemSource } from '../../testbed/gem-source.js'
import { startNpmRegistry, type NpmRegistry } from '../../testbed/npm-registry.js'

export let root: string
export let registry: NpmRegistry

/** Provides package managers, an npm registry and applications to the tests of a file. */
export function usePackageManagers(): void {
  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'installers-'))
    registry = await startNpmRegistry([
      {
        name: 'greeter',
        files: { 'index.js': "module.exports = require('greeting')" },
        manifest: { dependencies: { greeting: '^1.0.0' } },
      },
      { name: 'another', files: { 'index.js': '' } },
      { name: 'greeting', files: { 'index.js': "module.exports = 'hello'" } },
      {
        name: 'linter',
        files: { 'index.js': '', cli: '#!/bin/sh\necho linted\n' },
        manifest: { bin: { linter: 'cli' } },
      },
    ])
    for (const [name, program] of Object.entries({
      classic: 'node_modules/yarn/bin/yarn.js',
      berry: 'node_modules/@yarnpkg/cli-dist/bin/yarn.js',
    })) {
      await mkdir(join(root, name))
      await symlink(resolve(program), join(root, name, 'yarn'))
    }
    // Without the settings of the npm that runs the tests.
    vi.stubEnv('HOME', root)
    for (const name of Object.keys(process.env).filter((each) => /^npm_/i.test(each)))
      vi.stubEnv(name, undefined)
    vi.stubEnv(
      'PATH',
      `${resolve('node_modules/pnpm/bin/..')}/bin:${join(root, 'classic')}:${process.env['PATH']}`,
    )
  })
  afterAll(async () => {
    vi.unstubAllEnvs()
    await registry.stop()
    await rm(root, { recursive: true, force: true })
  })
}

/** A folder with a JavaScript application and the lockfile that a command creates. */
export function application(
  name: string,
  [program, ...args]: readonly [string, ...string[]],
): () => Promise<string> {
  return once(async () => {
    const directory = join(root, `${name} application`)
    await mkdir(directory)
    const packageJson = {
      name: 'application',
      private: true,
      dependencies: { greeter: '^1.0.0' },
      devDependencies: { linter: '1.0.0' },
    }
    await writeFile(join(directory, 'package.json'), JSON.stringify(packageJson, null, 2))
    await writeFile(join(directory, '.npmrc'), `registry=${registry.url}/\n`)
    await writeFile(
      join(directory, '.yarnrc.yml'),
      `nodeLinker: ${name.includes('pnp') ? 'pnp' : 'node-modules'}\nnpmRegistryServer: ${registry.url}\nunsafeHttpWhitelist: [127.0.0.1]\nenableGlobalCache: false\n`,
    )
    // Not synchronous: the registry runs in this process.
    await promisify(execFile)(program, args, { cwd: directory, env: { ...process.env, CI: '' } })
    for (const made of ['node_modules', '.yarn', '.pnp.cjs', '.pnp.loader.mjs'])
      await rm(join(directory, made), { recursive: true, force: true })
    return directory
  })
}

/** Runs a function on the first call only. */
function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined
  return () => (made ??= make())
}

export async function usable(directory: string): Promise<{ production: boolean; development: boolean }> {
  const pnp = await access(join(directory, '.pnp.cjs')).then(
    () => ['--require', './.pnp.cjs'],
    () => [],
  )
  const can = (name: string): boolean => {
    try {
      execFileSync('node', [...pnp, '-e', `require('${name}')`], { cwd: directory, stdio: 'pipe' })
      return true
    } catch {
      return false
    }
  }
  return { production: can('greeter'), development: can('linter') }
}

/** A folder with a Ruby application. */
export const ruby = once(async () => {
  const source = await createGemSource(join(root, 'gems'), ['greeter', 'linter'])
  const directory = join(root, 'ruby application')
  await mkdir(directory)
  await writeFile(
    join(directory, 'Gemfile'),
    `source '${source}'\ngem 'greeter'\ngroup :development do\n  gem 'linter'\nend\n`,
  )
  execFileSync('bundle', ['lock'], { cwd: directory, stdio: 'pipe' })
  return directory
})

/** Adds a dependency that the lockfile lacks. */
export async function outdate(directory: string): Promise<void> {
  const file = join(directory, 'package.json')
  await writeFile(file, (await readFile(file, 'utf8')).replace('"greeter"', '"another": "1.0.0", "greeter"'))
}
