import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { cp, mkdir, mkdtemp, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { isAbsolute, join } from 'node:path'
import type { Installer, InstallTarget } from '../installer/installer.js'

/** Options of {@link installerContract}. */
export interface InstallerContractOptions {
  /** The test runner's `it` or `test`: vitest's, jest's, mocha's, `node:test`'s. */
  readonly it: (name: string, run: () => Promise<void>) => unknown
  readonly create: () => Installer
  /**
   * Folder of an application and its lockfile, with one production and one development dependency. It is copied, not
   * changed.
   */
  readonly application: () => Promise<string>
  /** Name of the lockfile there. */
  readonly lockfile: string
  /** Changes the application so that its lockfile no longer matches. */
  readonly outdate: (directory: string) => Promise<void>
  /** Which of the two dependencies the application in a folder can load. */
  readonly usable: (directory: string) => Promise<{ production: boolean; development: boolean }>
}

/** The tests that every installer has to pass, for any runner. Needs GNU `find`. */
export function installerContract(options: InstallerContractOptions): void {
  const { it, create, application, lockfile, outdate, usable } = options

  const test = (
    name: string,
    run: (
      installer: Installer,
      prepare: (name: string) => Promise<InstallTarget>,
      root: string,
    ) => Promise<void>,
  ): unknown =>
    it(name, async () => {
      const root = await mkdtemp(join(tmpdir(), "installer's contract-"))
      const cacheDirectory = join(root, 'cache')
      await mkdir(cacheDirectory)
      const prepare = async (folder: string): Promise<InstallTarget> => {
        const directory = join(root, folder)
        await cp(await application(), directory, { recursive: true, verbatimSymlinks: true })
        return { directory, lockfile, cacheDirectory, signal: new AbortController().signal }
      }
      try {
        await run(create(), prepare, root)
      } finally {
        await rm(root, { recursive: true, force: true })
      }
    })

  test('returns its name, its lockfile, and what its result depends on', async (installer) => {
    assert.match(installer.name, /^[A-Za-z0-9.-]+$/)
    assert.ok(installer.lockfiles.includes(lockfile))
    const identity = await installer.identity()
    assert.deepEqual(await installer.identity(), identity)
    for (const value of Object.values(identity)) assert.match(value, /\S/)
  })

  test('installs only what production needs, also the second time', async (installer, prepare, root) => {
    const first = await prepare('first')
    await installer.install(first)
    assert.deepEqual(await usable(first.directory), { production: true, development: false })
    const second = await prepare('second')
    await installer.install(second)
    assert.deepEqual(listing(second.directory), listing(first.directory))

    // As on a server: in another folder, without the folders beside it.
    const moved = join(root, 'elsewhere')
    await rename(second.directory, moved)
    await rm(first.directory, { recursive: true })
    await rm(second.cacheDirectory, { recursive: true })
    assert.deepEqual(await usable(moved), { production: true, development: false })
    assert.deepEqual(links(moved).filter(isAbsolute), [])
  })

  test('rejects a lockfile that does not match, and says what to do', async (installer, prepare) => {
    const target = await prepare('outdated')
    await outdate(target.directory)
    await assert.rejects(
      installer.install(target),
      (error: Error & { code?: unknown; showStack?: unknown }) => {
        assert.equal(error.code, 'E_LOCKFILE')
        assert.equal(error.showStack, false)
        assert.ok(error.message.includes(lockfile), error.message)
        return true
      },
    )
  })

  test('can be cancelled', async (installer, prepare) => {
    const target = await prepare('cancelled')
    const abort = new AbortController()
    const installing = installer.install({ ...target, signal: abort.signal })
    const reason = new Error('cancelled')
    abort.abort(reason)
    await assert.rejects(installing, (error: Error) => error === reason || error.name === 'AbortError')
  })
}

/** Names, types and permission bits. */
function listing(root: string): string[] {
  return find(root, ['-printf', '%P %y %m\\0'])
}

/** Link targets. */
function links(root: string): string[] {
  return find(root, ['-type', 'l', '-printf', '%l\\0'])
}

function find(root: string, expression: readonly string[]): string[] {
  const printed = execFileSync('find', ['.', ...expression], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  })
  return printed.split('\0').filter(Boolean).sort()
}
