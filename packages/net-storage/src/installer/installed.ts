import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, rename, rm, stat, utimes } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { copyTree } from './copy-tree.js'

/** Names of the files, anywhere in the application, that a JavaScript installation depends on. */
const CONFIGURATION = new Set([
  'package.json',
  'package-lock.json',
  'npm-shrinkwrap.json',
  'pnpm-lock.yaml',
  'pnpm-workspace.yaml',
  '.pnpmfile.cjs',
  'yarn.lock',
  '.npmrc',
  '.yarnrc',
  '.yarnrc.yml',
])

/** Scripts of the application's own packages that run on installation. */
const LIFECYCLE = [
  'preinstall',
  'install',
  'postinstall',
  'prepublish',
  'preprepare',
  'prepare',
  'postprepare',
]

/** Number of installations to keep; each is as large as its node_modules. */
const KEPT = 3

/** Options of {@link withInstalled}. */
export interface InstalledOptions {
  readonly directory: string
  readonly cacheDirectory: string
  /** Version of the package manager. */
  readonly tool: string
}

/**
 * Copies `node_modules` from an earlier installation with the same lockfile and settings, or runs `install` and keeps a
 * copy. If the result depends on the application's own sources, nothing is kept.
 */
export async function withInstalled(options: InstalledOptions, install: () => Promise<void>): Promise<void> {
  const { directory, cacheDirectory } = options
  const key = await installationKey(options)
  if (key === undefined) return install()
  const kept = join(cacheDirectory, 'installed')
  const tree = join(kept, key)
  if (existsSync(tree)) {
    const now = new Date()
    await utimes(tree, now, now)
    // As an installation would do.
    for (const folder of await nodeModules(tree))
      await rm(join(directory, relative(tree, folder)), { recursive: true, force: true })
    await copyTree(tree, directory)
    return
  }
  await install()
  const folders = await nodeModules(directory)
  // A Plug'n'Play installation has none.
  if (folders.length === 0) return
  const made = `${tree}.${process.pid}`
  await rm(made, { recursive: true, force: true })
  await mkdir(made, { recursive: true })
  for (const folder of folders) {
    const name = relative(directory, folder)
    await mkdir(dirname(join(made, name)), { recursive: true })
    await copyTree(folder, join(made, name))
  }
  // Another deploy may have been first.
  await rename(made, tree).catch(() => rm(made, { recursive: true, force: true }))
  await removeOld(kept)
}

/** Undefined if the installation also depends on the application's own sources. */
async function installationKey({ directory, tool }: InstalledOptions): Promise<string | undefined> {
  const hash = createHash('sha256')
  hash.update(
    JSON.stringify([process.version, process.platform, process.arch, process.env['NODE_ENV'], tool]),
  )
  hash.update(await userConfiguration())
  for (const path of await configurationFiles(directory)) {
    const content = await readFile(path, 'utf8')
    if (path.endsWith('/package.json') && usesSources(content)) return undefined
    hash.update(JSON.stringify([relative(directory, path), content]))
  }
  return hash.digest('hex')
}

/** The user's configuration of the package managers, without credentials, which change often. */
async function userConfiguration(): Promise<string> {
  const files = [
    process.env['NPM_CONFIG_USERCONFIG'] ?? process.env['npm_config_userconfig'] ?? join(homedir(), '.npmrc'),
    join(homedir(), '.yarnrc'),
    join(homedir(), '.yarnrc.yml'),
  ]
  const texts = await Promise.all(files.map((file) => readFile(file, 'utf8').catch(() => '')))
  const lines = texts.flatMap((text) => text.split('\n'))
  return lines.filter((line) => !/auth|password|token/i.test(line)).join('\n')
}

function usesSources(packageJson: string): boolean {
  try {
    const { scripts = {}, ...rest } = JSON.parse(packageJson) as { scripts?: object }
    return (
      LIFECYCLE.some((name) => Object.hasOwn(scripts, name)) ||
      /"(file|link|portal|patch):/.test(JSON.stringify(rest))
    )
  } catch {
    return true
  }
}

async function configurationFiles(directory: string): Promise<string[]> {
  const found: string[] = []
  for (const entry of await entries(directory)) {
    const path = join(directory, entry.name)
    if (entry.isDirectory() && entry.name !== 'node_modules') found.push(...(await configurationFiles(path)))
    else if (entry.isFile() && CONFIGURATION.has(entry.name)) found.push(path)
  }
  return found
}

/** The topmost `node_modules` folders. */
async function nodeModules(directory: string): Promise<string[]> {
  const found: string[] = []
  for (const entry of await entries(directory)) {
    const path = join(directory, entry.name)
    if (!entry.isDirectory()) continue
    if (entry.name === 'node_modules') found.push(path)
    else found.push(...(await nodeModules(path)))
  }
  return found
}

async function entries(directory: string) {
  return (await readdir(directory, { withFileTypes: true })).sort((a, b) => (a.name < b.name ? -1 : 1))
}

async function removeOld(kept: string): Promise<void> {
  const found = await Promise.all(
    (await readdir(kept)).map(async (name) => {
      const path = join(kept, name)
      return {
        path,
        time: await stat(path).then(
          ({ mtimeMs }) => mtimeMs,
          () => 0,
        ),
      }
    }),
  )
  found.sort((a, b) => b.time - a.time)
  for (const { path } of found.slice(KEPT)) await rm(path, { recursive: true, force: true })
}
