import { execFileSync } from 'node:child_process'
import { appendFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Bundler, Npm, Pnpm, Yarn } from 'shipit-net-storage'
import { installerContract } from 'shipit-net-storage/testing'
import { afterAll, beforeAll, describe, it, vi } from 'vitest'
import { application, outdate, root, ruby, usable, usePackageManagers } from '../support/package-managers.js'

usePackageManagers()

describe('npm', () => {
  installerContract({
    it,
    create: () => new Npm(),
    application: application('npm', ['npm', 'install', '--package-lock-only', '--no-audit']),
    lockfile: 'package-lock.json',
    outdate,
    usable,
  })
})

describe('pnpm', () => {
  installerContract({
    it,
    create: () => new Pnpm(),
    application: application('pnpm', ['pnpm', 'install', '--lockfile-only']),
    lockfile: 'pnpm-lock.yaml',
    outdate,
    usable,
  })
})

describe('Yarn 1', () => {
  installerContract({
    it,
    create: () => new Yarn(),
    application: application('yarn', ['yarn', 'install', '--non-interactive']),
    lockfile: 'yarn.lock',
    outdate,
    usable,
  })
})

describe.each(['node-modules', 'pnp'])('Yarn Berry with %s', (linker) => {
  beforeAll(() => {
    vi.stubEnv('PATH', `${join(root, 'berry')}:${process.env['PATH']}`)
  })
  afterAll(() => {
    vi.stubEnv('PATH', process.env['PATH']?.replace(`${join(root, 'berry')}:`, ''))
  })
  installerContract({
    it,
    create: () => new Yarn(),
    application: application(`berry ${linker}`, ['yarn', 'install', '--mode=update-lockfile']),
    lockfile: 'yarn.lock',
    outdate,
    usable,
  })
})

describe('bundler', () => {
  const can = (directory: string, name: string): boolean => {
    try {
      execFileSync('bundle', ['exec', 'ruby', '-e', `require '${name}'`], { cwd: directory, stdio: 'pipe' })
      return true
    } catch {
      return false
    }
  }
  installerContract({
    it,
    create: () => new Bundler(),
    application: ruby,
    lockfile: 'Gemfile.lock',
    outdate: (directory) => appendFile(join(directory, 'Gemfile'), "gem 'another'\n"),
    usable: async (directory) => ({
      production: can(directory, 'greeter'),
      development: can(directory, 'linter'),
    }),
  })
})
