import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { DirectoryTransport } from '../transport/directory-transport.js'
import { ArchivesInUse } from './in-use.js'

let path: string
beforeEach(async () => {
  path = await mkdtemp(join(tmpdir(), 'in-use-'))
})
afterEach(() => rm(path, { recursive: true }))

it('records the revisions of every environment of every application', async () => {
  const transport = new DirectoryTransport({ path })
  const production = new ArchivesInUse(transport, 'shop', 'production')
  const staging = new ArchivesInUse(transport, 'odd shop/ü', 'staging')
  await production.add('a')
  await production.add('b')
  await production.add('b')
  await staging.add('c')
  expect(await production.all()).toEqual(new Set(['a', 'b', 'c']))
  await production.replace(new Set(['b']))
  expect(await staging.all()).toEqual(new Set(['b', 'c']))
})
