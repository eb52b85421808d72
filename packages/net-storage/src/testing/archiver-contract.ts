import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { createWriteStream } from 'node:fs'
import { chmod, mkdir, mkdtemp, rm, symlink, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import type { Archiver } from '../archiver/archiver.js'

/** Options of {@link archiverContract}. */
export interface ArchiverContractOptions {
  /** The test runner's `it` or `test`: vitest's, jest's, mocha's, `node:test`'s. */
  readonly it: (name: string, run: () => Promise<void>) => unknown
  readonly create: () => Archiver
}

const MTIME = 1_700_000_000

/** The tests that every archiver has to pass, for any runner. Needs `sh`, `diff` and GNU `find`. */
export function archiverContract({ it, create }: ArchiverContractOptions): void {
  const test = (name: string, run: (archiver: Archiver, folder: string) => Promise<void>): unknown =>
    it(name, async () => {
      const folder = await mkdtemp(join(tmpdir(), "archiver's $(contract)-"))
      try {
        await run(create(), folder)
      } finally {
        await rm(folder, { recursive: true, force: true })
      }
    })

  test('can pack here, and names its format so that storage keys can end with it', async (archiver) => {
    await archiver.check()
    assert.match(archiver.format, /^[A-Za-z0-9]+(\.[A-Za-z0-9]+)*$/)
    assert.match(archiver.contentType, /^[\w.-]+\/[\w.+-]+$/)
  })

  test('gives the same bytes for the same tree, regardless of place and time', async (archiver, folder) => {
    const trees = [join(folder, 'one'), join(folder, 'deeper/elsewhere')]
    for (const tree of trees) await oddTree(tree)
    await utimes(join(trees[1] ?? '', 'big'), 1, 1)
    const [one, two] = await Promise.all(trees.map((tree) => buffer(archiver.pack(tree, { mtime: MTIME }))))
    assert.ok(one && one.length > 0)
    assert.ok(one.equals(two ?? Buffer.alloc(0)), 'two archives of the same tree differ')
  })

  test('preserves names, content, permission bits, links and empty folders', async (archiver, folder) => {
    const [source, target, file] = [
      join(folder, 'source'),
      join(folder, 'target'),
      join(folder, 'the archive'),
    ]
    await oddTree(source)
    await mkdir(target)
    await pipeline(archiver.pack(source, { mtime: MTIME }), createWriteStream(file))
    const { status, stderr } = spawnSync('sh', ['-ec', archiver.unpackCommand], {
      env: { ...process.env, archive_file: file, target },
      encoding: 'utf8',
    })
    assert.equal(status, 0, stderr)
    // diff compares content and link targets; find compares types, modes and times.
    execFileSync('diff', ['-r', '--no-dereference', source, target])
    assert.deepEqual(listing(target), listing(source))
    const times = execFileSync('find', ['.', '-type', 'f', '-printf', '%Ts\n'], {
      cwd: target,
      encoding: 'utf8',
    })
    assert.deepEqual(new Set(times.trim().split('\n')), new Set([String(MTIME)]))
  })

  test('fails, rather than ending early, for files that cannot be deployed', async (archiver, folder) => {
    await writeFile(join(folder, 'a file'), 'content')
    execFileSync('mkfifo', [join(folder, 'z pipe')])
    await assert.rejects(buffer(archiver.pack(folder, { mtime: MTIME })), { code: 'E_TREE' })
  })
}

function listing(root: string): string[] {
  return execFileSync('find', ['.', '-printf', '%P %y %m\\0'], { cwd: root, encoding: 'utf8' })
    .split('\0')
    .sort()
}

async function oddTree(root: string): Promise<void> {
  await mkdir(join(root, 'empty folder'), { recursive: true })
  await mkdir(join(root, 'bin'))
  const names = [
    '-rf',
    "it's",
    '$(touch pwned)',
    '`id`',
    'new\nline',
    'snow☃',
    'a'.repeat(200),
    '"quoted" name',
    'empty',
  ]
  for (const name of names) await writeFile(join(root, name), name === 'empty' ? '' : `content of ${name}`)
  await writeFile(join(root, 'bin/start'), '#!/bin/sh\n')
  await chmod(join(root, 'bin/start'), 0o755)
  await writeFile(join(root, 'big'), Buffer.alloc(3_500_000, 'big'))
  await symlink('bin', join(root, 'folder link'))
  await symlink('../no such file', join(root, 'dangling'))
}
