// Installs a lockfile's packages with an empty cache and again: `npm run bench:install`. Uses the registry npm is configured with.
import { execFileSync } from 'node:child_process'
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join, resolve } from 'node:path'
import { Bundler, Npm, Pnpm, Yarn, type Installer } from 'shipit-net-storage'
import { createGemSource } from '../testbed/gem-source.js'

const PACKAGE = {
  name: 'application',
  private: true,
  dependencies: {
    '@aws-sdk/client-s3': '^3.1000.0',
    'date-fns': '^4.1.0',
    express: '^5.1.0',
    knex: '^3.1.0',
    lodash: '^4.17.21',
    react: '^19.0.0',
    'react-dom': '^19.0.0',
    winston: '^3.17.0',
  },
  devDependencies: { typescript: '^5.9.0' },
}

const root = await mkdtemp(join(tmpdir(), 'bench-'))
try {
  const registry = execFileSync('npm', ['config', 'get', 'registry'], { encoding: 'utf8' }).trim()
  for (const [name, program] of Object.entries({
    classic: 'node_modules/yarn/bin/yarn.js',
    berry: 'node_modules/@yarnpkg/cli-dist/bin/yarn.js',
  })) {
    await mkdir(join(root, name))
    await symlink(resolve(program), join(root, name, 'yarn'))
  }
  console.log('seconds to install with an empty cache, then the same lockfile again')
  await compare('npm', new Npm(), 'package-lock.json', [
    'npm',
    'install',
    '--package-lock-only',
    '--no-audit',
  ])
  await compare('pnpm', new Pnpm(), 'pnpm-lock.yaml', ['pnpm', 'install', '--lockfile-only'])
  withYarn('classic')
  await compare('yarn 1', new Yarn(), 'yarn.lock', [
    'yarn',
    'install',
    '--non-interactive',
    `--registry=${registry}`,
  ])
  withYarn('berry')
  process.env['YARN_NPM_REGISTRY_SERVER'] = registry
  await compare('yarn 4', new Yarn(), 'yarn.lock', ['yarn', 'install', '--mode=update-lockfile'])
  await compareGems()
} finally {
  await rm(root, { recursive: true, force: true })
}

function withYarn(name: string): void {
  process.env['PATH'] = `${join(root, name)}${delimiter}${process.env['PATH']}`
}

async function compare(
  name: string,
  installer: Installer,
  lockfile: string,
  [program, ...args]: readonly [string, ...string[]],
): Promise<void> {
  const application = join(root, `${name} application`)
  await mkdir(application)
  await writeFile(join(application, 'package.json'), JSON.stringify(PACKAGE))
  await writeFile(join(application, '.yarnrc.yml'), 'nodeLinker: node-modules\nenableGlobalCache: false\n')
  execFileSync(program, args, { cwd: application, stdio: 'pipe' })
  for (const made of ['node_modules', '.yarn'])
    await rm(join(application, made), { recursive: true, force: true })
  await installTwice(name, installer, application, lockfile)
}

async function compareGems(): Promise<void> {
  const names = Array.from({ length: 40 }, (_, index) => `gem${index}`)
  const source = await createGemSource(join(root, 'gems'), names)
  const application = join(root, 'ruby application')
  await mkdir(application)
  await writeFile(
    join(application, 'Gemfile'),
    [`source '${source}'`, ...names.map((name) => `gem '${name}'`)].join('\n'),
  )
  execFileSync('bundle', ['lock'], { cwd: application, stdio: 'pipe' })
  await installTwice('bundler', new Bundler(), application, 'Gemfile.lock')
}

async function installTwice(
  name: string,
  installer: Installer,
  application: string,
  lockfile: string,
): Promise<void> {
  const cacheDirectory = join(root, `${name} cache`)
  await mkdir(cacheDirectory)
  const install = async (folder: string): Promise<number> => {
    const directory = join(root, `${name} ${folder}`)
    await cp(application, directory, { recursive: true })
    const from = performance.now()
    await installer.install({ directory, lockfile, cacheDirectory, signal: new AbortController().signal })
    return (performance.now() - from) / 1000
  }
  const first = await install('first')
  const second = Math.min(await install('second'), await install('third'))
  console.log(
    `  ${name.padEnd(8)} ${first.toFixed(1)} s, ${second.toFixed(1)} s; ratio ${(second / first).toFixed(2)}`,
  )
}
