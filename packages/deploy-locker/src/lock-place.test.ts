import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import type { LockOffer } from 'shipit-capistrano'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { FileLockStore } from './file-lock-store.js'
import { Lock } from './lock.js'
import type { LockStore } from './lock-store.js'
import { findLockPlace, type LockPlace, type LockPlaceOptions } from './lock-place.js'

const REQUEST = { key: 'shop.production', user: 'alice', reason: 'hers' }

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lock-place-'))
  vi.stubEnv('XDG_STATE_HOME', folder)
})
afterEach(async () => {
  vi.unstubAllEnvs()
  await rm(folder, { recursive: true, force: true })
})

const find = (options: Partial<LockPlaceOptions> = {}): Promise<LockPlace> =>
  findLockPlace({
    store: undefined,
    dir: undefined,
    offered: async () => undefined,
    target: ['/srv/shop', 'deploy@web1:22'],
    ...options,
  })

const never = async (): Promise<LockOffer> => {
  throw new Error('nobody is asked')
}

it('uses the store or folder from the settings first', async () => {
  const store = new FileLockStore({ dir: join(folder, 'a') })
  expect(await find({ store, dir: 'b', offered: never })).toEqual({
    store,
    guardsAgainst: `every deploy that uses ${folder}/a`,
  })
  const unnamed: LockStore = {
    read: (key) => store.read(key),
    write: (...state) => store.write(...state),
  }
  expect(await find({ store: unnamed })).toMatchObject({ guardsAgainst: undefined })
  expect(await find({ dir: join(folder, 'b'), offered: never })).toMatchObject({
    guardsAgainst: `every deploy that uses ${folder}/b`,
  })
})

it('uses what a plugin offers: a store, or a folder', async () => {
  const store = new FileLockStore({ dir: join(folder, 'a') })
  const offer: LockOffer = { store, description: 's3://deploys/shop' }
  expect(await find({ offered: async () => offer })).toEqual({
    store,
    guardsAgainst: 'every deploy that uses s3://deploys/shop',
  })
  expect(await find({ offered: async () => ({ folder: join(folder, 'shared') }) })).toMatchObject({
    guardsAgainst: `every deploy that uses ${folder}/shared`,
  })
  await expect(find({ offered: async () => ({ store: {}, description: 'x' }) })).rejects.toMatchObject({
    code: 'E_LOCK',
  })
})

it('does not fall back to a weaker lock when the offer fails', async () => {
  await expect(find({ offered: never })).rejects.toThrow('nobody is asked')
})

it('uses a folder of the user when nothing is offered, and says what it guards against', async () => {
  const none = await find()
  expect(none.guardsAgainst).toBe(
    'other deploys of this user on this machine; set deployLock.store to guard against other machines',
  )
  const reason = 's3://deploys does not honour conditional writes'
  const { guardsAgainst } = await find({ offered: async () => ({ reason }) })
  expect(guardsAgainst).toBe(
    `other deploys of this user on this machine: ${reason}, so it can't keep a lock for several machines`,
  )
  const held = await new Lock(none.store).acquire(REQUEST)
  expect(await new Lock((await find()).store).inspect(REQUEST.key)).toMatchObject({ user: 'alice' })
  const elsewhere = await find({ target: ['/srv/shop', 'deploy@web2:22'] })
  expect(await new Lock(elsewhere.store).inspect(REQUEST.key)).toBeUndefined()
  await held.release()
  expect(await readdir(join(folder, 'shipit-deploy-locker'))).toHaveLength(1)
})

it.each(['', 'relative'])("uses the user's home with XDG_STATE_HOME '%s'", async (state) => {
  vi.stubEnv('XDG_STATE_HOME', state)
  const { store } = await find()
  expect(store.description).toMatch(
    new RegExp(`^${join(homedir(), '.local/state/shipit-deploy-locker')}/[0-9a-f]{16}$`),
  )
})
