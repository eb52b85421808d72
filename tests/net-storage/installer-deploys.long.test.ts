import { access, readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { Stage } from '../support/stage.js'
import {
  application,
  outdate,
  registry,
  ruby,
  usable,
  usePackageManagers,
} from '../support/package-managers.js'

const SHIPITFILE = `
import example from './shipitfile'
import { Installer } from 'shipit-net-storage'
class Copy extends Installer {
  name = 'copy'
  lockfiles = ['copy.lock']
  identity = async () => ({ copy: process.env.COPY_VERSION ?? '1' })
  install = async ({ directory, lockfile }) => {
    const { copyFileSync } = await import('node:fs')
    copyFileSync(directory + '/' + lockfile, directory + '/installed by copy')
  }
}
export default shipit => {
  example(shipit)
  const { installer, ...rest } = JSON.parse(process.env.NET_STORAGE ?? '{}')
  Object.assign(shipit.config.netStorage, rest)
  if (installer !== undefined) shipit.config.netStorage.installer = installer === 'copy' ? new Copy() : installer
  shipit.config.linkedDirs = JSON.parse(process.env.LINKED_DIRS ?? '[]')
  shipit.blTask('assets:build', () => console.log('built'))
}
`

usePackageManagers()

describe('a deploy', () => {
  let stage: Stage
  let shipitfile: string
  beforeAll(async () => {
    stage = await Stage.create({ names: ['web1'] })
    shipitfile = await stage.shipitfile('settings.ts', SHIPITFILE)
    await stage.app.commit(await filesOf(await javascript()), 'Ask for packages')
  })
  afterAll(() => stage.close())

  const javascript = application('deployed', ['npm', 'install', '--package-lock-only', '--no-audit'])
  const deploy = (
    settings: object = {},
    env: NodeJS.ProcessEnv = {},
  ): Promise<{ status: number | string; output: string }> =>
    stage.run('deploy', { ...env, NET_STORAGE: JSON.stringify(settings) }, shipitfile)
  const current = (...parts: string[]): string => stage.path('web1', 'current', ...parts)
  const isThere = (path: string): Promise<boolean> =>
    access(path).then(
      () => true,
      () => false,
    )

  it('installs from the lockfile, with the configured registry, token and environment', async () => {
    const { host } = new URL(registry.url)
    await stage.app.commit(
      {
        '.npmrc': `registry=${registry.url}/\n//${host}/:_authToken=\${NPM_TOKEN}\n`,
        'package.json': (await readFile(join(stage.app.directory, 'package.json'), 'utf8')).replace(
          '"private": true',
          '"private": true, "scripts": { "postinstall": "echo $APP_ENV > app-env" }',
        ),
      },
      'Read a private registry',
    )
    const { status, output } = await deploy(
      {},
      { NPM_TOKEN: 'canary-token', NODE_ENV: 'development', APP_ENV: 'own' },
    )
    expect(output).toContain('Installing production dependencies with npm from package-lock.json.')
    expect(output).not.toContain('canary')
    expect(status).toBe(0)
    expect(registry.requests.at(-1)?.headers.authorization).toBe('Bearer canary-token')
    expect(await readFile(current('app-env'), 'utf8')).toBe('own\n')
    expect(await usable(current())).toEqual({ production: true, development: false })
    expect((await deploy()).output).toContain('Reusing')
  })

  it('uses a proxy', async () => {
    const lockfile = await readFile(join(await javascript(), 'package-lock.json'), 'utf8')
    await stage.app.commit(
      {
        ...(await filesOf(await javascript())),
        'package-lock.json': lockfile.replaceAll(registry.url, 'http://registry.example'),
        '.npmrc': 'registry=http://registry.example/\n',
      },
      'Read a registry that is far away',
    )
    const { status } = await deploy(
      { localBasePath: '.another' },
      { HTTP_PROXY: registry.url, NO_PROXY: new URL(inject('s3').endpoint).hostname },
    )
    expect(status).toBe(0)
    expect(registry.requests.map(({ url }) => url)).toContain(
      'http://registry.example/greeter/greeter-1.0.0.tgz',
    )
  })

  it('installs nothing with installer: false, and reports that as the reason to build again', async () => {
    const { status, output } = await deploy({ installer: false })
    expect(output).toMatch(/installer was npm, now none/)
    expect(output).not.toContain('Installing')
    expect(status).toBe(0)
    expect(await isThere(current('node_modules'))).toBe(false)
  })

  it('uses a custom installer, and builds again when its identity changes', async () => {
    const missing = await deploy({ installer: 'copy' })
    expect(missing.output).toMatch(
      /netStorage\.installer is 'copy', but commit \w+ has no copy\.lock: .*\[E_INSTALLER\]/,
    )
    await stage.app.commit({ 'copy.lock': 'locked' }, 'Lock')
    expect((await deploy({ installer: 'copy' })).status).toBe(0)
    expect(await readFile(current('installed by copy'), 'utf8')).toBe('locked')
    expect((await deploy({ installer: 'copy' })).output).toContain('Reusing')
    expect((await deploy({ installer: 'copy' }, { COPY_VERSION: '2' })).output).toContain('copy was 1, now 2')
  })

  it('rejects an outdated lockfile, and leaves the live release alone', async () => {
    const before = await stage.live()
    await outdate(stage.app.directory)
    await stage.app.commit({ '.npmrc': `registry=${registry.url}/\n` }, 'Forget the lockfile')
    const { status, output } = await deploy()
    expect(status).toBe(1)
    expect(output).toMatch(
      /package-lock\.json does not match the application's dependencies: run `npm install`, and commit package-lock\.json\. `npm ci` says:\n(.*\n)?\s+Missing: another@\S+ from lock file \[E_LOCKFILE\]/,
    )
    expect(output).not.toContain('Usage:')
    expect(output).not.toMatch(/^\s+at /m)
    expect(await stage.live()).toEqual(before)
  })

  it('rejects several lockfiles, missing programs and unknown installers', async () => {
    await stage.app.commit({ 'pnpm-lock.yaml': "lockfileVersion: '9.0'\n" }, 'Use two package managers')
    const both = await deploy()
    expect(both.output).toMatch(
      /has package-lock\.json and pnpm-lock\.yaml: remove all but one, .*\[E_INSTALLER\]/,
    )
    const missing = await deploy({ installer: 'pnpm' }, { PATH: await pathWithout('pnpm') })
    expect(missing.output).toMatch(/'pnpm' is not installed on this machine: install it, .*\[E_INSTALLER\]/)
    expect(missing.output).not.toContain('Building an archive')
    expect((await deploy({ installer: 'cargo' })).output).toContain(
      "netStorage.installer: expected 'auto', npm, pnpm, yarn, bundler, false, or an Installer; got 'cargo'",
    )
  })

  it('refuses to skip or hide dependencies', async () => {
    const before = await stage.live()
    const manifest = (all: object): string => JSON.stringify({ name: 'shop', version: '1.0.0', ...all })
    const onlyIn = async (files: Record<string, string>, message: string): Promise<void> => {
      for (const name of ['package-lock.json', 'pnpm-lock.yaml', 'package.json'])
        await rm(join(stage.app.directory, name), { force: true })
      await stage.app.commit(files, message)
    }
    await onlyIn({ 'package.json': manifest({ dependencies: { greeter: '1' } }) }, 'Without a lockfile')
    const left = await deploy()
    expect(left.output).toMatch(
      /Commit [0-9a-f]{40} lists dependencies in package\.json, but has no lockfile, .*Commit package-lock\.json.*, or set netStorage\.installer: false.*\[E_INSTALLER\]/,
    )
    expect(left.output).not.toMatch(/Building an archive|^\s+at /m)
    expect(left.status).toBe(1)

    await stage.app.commit(
      { 'package.json': manifest({ devDependencies: { linter: '1' } }), Gemfile: "gem 'rails'\n" },
      'Gems',
    )
    expect((await deploy()).output).toMatch(/lists dependencies in Gemfile, but has no lockfile/)
    await rm(join(stage.app.directory, 'Gemfile'))
    await stage.app.commit({ 'package-lock.json': manifest({ lockfileVersion: 3, packages: {} }) }, 'Locked')
    for (const linkedDirs of [['log', 'node_modules'], ['packages/a/node_modules']]) {
      const { output, status } = await deploy({}, { LINKED_DIRS: JSON.stringify(linkedDirs) })
      expect(output).toMatch(
        new RegExp(`linkedDirs: '${linkedDirs.at(-1)}' would hide what npm installs .*\\[E_INSTALLER\\]`),
      )
      expect(status).toBe(1)
    }
    const named = await deploy({ installer: 'bundler' }, { LINKED_DIRS: '["vendor"]', BRANCH: 'mian' })
    expect(named.output).toMatch(
      /The checks found 2 problems.*linkedDirs: 'vendor' would hide what bundler installs/s,
    )
    expect(await stage.live()).toEqual(before)
    // Without an installer, these folders may be shared.
    expect((await deploy({ installer: false }, { LINKED_DIRS: '["node_modules"]' })).status).toBe(0)
  })

  it("finds one application's lockfile among several, and the lockfiles of two languages", async () => {
    await stage.app.git('rm', '-r', '--quiet', '.')
    await stage.app.commit(await filesOf(await javascript(), 'shop/'), 'Several applications')
    const { output } = await deploy({ multiAppMode: true })
    expect(output).toContain('from shop/package-lock.json')
    expect(await usable(current('shop'))).toEqual({ production: true, development: false })

    await stage.app.git('rm', '-r', '--quiet', '.')
    const gems = await filesOf(await ruby())
    await stage.app.commit(
      { ...(await filesOf(await javascript())), ...gems, 'shop/README.md': 'x' },
      'A workspace',
    )
    const both = await deploy({ multiAppMode: true })
    expect(both.output).toContain('with npm from package-lock.json')
    expect(both.output).toContain('with bundler from Gemfile.lock')
    expect(both.status).toBe(0)
    expect(await usable(current())).toEqual({ production: true, development: false })
    expect(await isThere(current('vendor/bundle/ruby'))).toBe(true)
    const { builtWith } = JSON.parse(
      (await stage.bucket.manifest((await stage.live())[0] ?? '')).content,
    ) as { builtWith: object }
    expect(builtWith).toMatchObject({
      installer: 'npm, bundler',
      'package-lock.json': expect.stringMatching(/^[0-9a-f]{64}$/),
      'Gemfile.lock': expect.stringMatching(/^[0-9a-f]{64}$/),
      ruby: expect.stringContaining('ruby'),
    })
  })
})

/** Text files directly in a folder, by name. */
async function filesOf(directory: string, prefix = ''): Promise<Record<string, string>> {
  const entries = (await readdir(directory, { withFileTypes: true })).filter((entry) => entry.isFile())
  const files = entries.map(
    async ({ name }) => [`${prefix}${name}`, await readFile(join(directory, name), 'utf8')] as const,
  )
  return Object.fromEntries(await Promise.all(files))
}

/** PATH without the folders that contain a program. */
async function pathWithout(program: string): Promise<string> {
  const folders = (process.env['PATH'] ?? '').split(':')
  const have = folders.map((folder) =>
    access(join(folder, program)).then(
      () => [],
      () => [folder],
    ),
  )
  return (await Promise.all(have)).flat().join(':')
}
