import { chmod, mkdir, mkdtemp, readdir, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { transportContract } from '../testing/transport-contract.js'
import { DirectoryTransport } from './directory-transport.js'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'directory-transport-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const create = async (): Promise<DirectoryTransport> =>
  new DirectoryTransport({ path: await mkdtemp(join(folder, "odd 'name $(id)-")) })

transportContract({
  it,
  create,
  createBroken: async () => new DirectoryTransport({ path: join(folder, 'missing') }),
})

it('never creates the folder itself, as the mount may be missing', async () => {
  const path = join(folder, 'not-mounted')
  await expect(new DirectoryTransport({ path }).put('key', Buffer.from('x'))).rejects.toMatchObject({
    code: 'E_STORAGE',
    message: expect.stringContaining(path),
  })
  expect(await readdir(folder)).not.toContain('not-mounted')
})

it('does not list what symbolic links lead to', async () => {
  const path = await mkdtemp(join(folder, 'links-'))
  await symlink('.', join(path, 'loop'))
  const transport = new DirectoryTransport({ path })
  await transport.put('archives/a', Buffer.from('a'))
  const found = []
  for await (const { key } of transport.list('')) found.push(key)
  expect(found).toEqual(['archives/a'])
})

it('lets only one of many writers create a key', async () => {
  const transport = await create()
  const writers = Array.from({ length: 20 }, (_, index) =>
    transport.put('lock', Buffer.from(`writer ${index}`), { ifAbsent: true }),
  )
  const stored = await Promise.all(writers)
  expect(stored.filter(Boolean)).toHaveLength(1)
  const content = Buffer.from((await transport.get('lock')) ?? []).toString()
  expect(content).toBe(`writer ${stored.indexOf(true)}`)
})

it('offers a separate folder for the lock, but not if the mount is missing', async () => {
  const path = join(folder, 'mount')
  await expect(new DirectoryTransport({ path }).lock()).rejects.toMatchObject({ code: 'E_STORAGE' })
  expect(await readdir(folder)).not.toContain('mount')
  await mkdir(path)
  expect(await new DirectoryTransport({ path }).lock()).toEqual({ folder: join(path, 'locks') })
})

it('names the folder that it cannot write to', async () => {
  const path = join(folder, 'read-only')
  await mkdir(path)
  await chmod(path, 0o500)
  // root ignores permissions: put a file in the way instead.
  if (process.getuid?.() === 0) await new DirectoryTransport({ path }).put('archives', Buffer.from('a file'))
  await expect(new DirectoryTransport({ path }).put('archives/key', Buffer.from('x'))).rejects.toMatchObject({
    code: 'E_STORAGE',
    message: expect.stringContaining(path),
  })
  await chmod(path, 0o700)
})
