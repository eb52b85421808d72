import { execFile, execFileSync } from 'node:child_process'
import { chmod, mkdir, mkdtemp, readdir, rm, symlink, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { buffer } from 'node:stream/consumers'
import { gunzipSync } from 'node:zlib'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { gzip } from './gzip.js'
import { tar } from './tar.js'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'archive-'))
})
afterEach(() => rm(folder, { recursive: true }))

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

it('gives the same bytes for the same tree, wherever and whenever it is', async () => {
  const [one, two] = [join(folder, 'one'), join(folder, 'elsewhere')]
  await oddTree(one)
  await oddTree(two)
  await utimes(join(two, 'big'), 1, 1)
  const [first, second] = await Promise.all(
    [one, two].map((root) => buffer(gzip(tar(root, { mtime: 1_700_000_000 })))),
  )
  expect(first?.equals(second ?? Buffer.alloc(0))).toBe(true)
})

it('arrives unharmed through real tar', async () => {
  const source = join(folder, 'source')
  const target = join(folder, 'target')
  await oddTree(source)
  await mkdir(target)
  const archive = await buffer(gzip(tar(source, { mtime: 1_700_000_000 })))
  execFileSync('tar', ['-xzpf', '-', '-C', target], { input: archive })
  // diff compares content and links' targets; find compares kinds and modes.
  await promisify(execFile)('diff', ['-r', '--no-dereference', source, target])
  const modes = (root: string): string =>
    execFileSync('find', ['.', '-printf', '%P %y %m\\0'], { cwd: root, encoding: 'utf8' })
  expect(modes(target).split('\0').sort()).toEqual(modes(source).split('\0').sort())
  expect(await readdir(target)).toContain('new\nline')
})

it('makes gzip that is one stream for every reader, of any size', async () => {
  const input = Buffer.alloc(5_000_001, 'x')
  const chunks = (async function* () {
    for (let from = 0; from < input.length; from += 70_000) yield input.subarray(from, from + 70_000)
  })()
  const output = await buffer(gzip(chunks))
  expect(gunzipSync(output).equals(input)).toBe(true)
  expect(execFileSync('gzip', ['-dc'], { input: output, maxBuffer: 1e8 }).equals(input)).toBe(true)
})

it('does not depend on how its input was cut', async () => {
  const input = Buffer.from(Array.from({ length: 2_100_000 }, (_, index) => (index * 7) % 251))
  const cut = async function* (size: number) {
    for (let from = 0; from < input.length; from += size) yield input.subarray(from, from + size)
  }
  expect((await buffer(gzip(cut(1000)))).equals(await buffer(gzip(cut(999_999))))).toBe(true)
})

it('refuses what can not be deployed', async () => {
  execFileSync('mkfifo', [join(folder, 'pipe')])
  await expect(buffer(tar(folder, { mtime: 0 }))).rejects.toMatchObject({ code: 'E_TREE' })
})
