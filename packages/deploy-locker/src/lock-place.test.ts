import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import type { LockOffer } from 'shipit-capistrano'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { FileLock } from './file-lock.js'
import type { LockProvider } from './lock-provider.js'
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
    provider: undefined,
    dir: undefined,
    offered: async () => undefined,
    target: ['/srv/shop', 'deploy@web1:22'],
    ...options,
  })

const never = async (): Promise<LockOffer> => {
  throw new Error('nobody is asked')
}

it("takes the settings' own, and asks nobody", async () => {
  const provider = new FileLock({ dir: join(folder, 'a') })
  expect(await find({ provider, dir: 'b', offered: never })).toEqual({
    provider,
    guardsAgainst: `every deploy that uses ${folder}/a`,
  })
  const unnamed: LockProvider = {
    acquire: (request) => provider.acquire(request),
    inspect: (key) => provider.inspect(key),
    break: (key, breaker) => provider.break(key, breaker),
  }
  expect(await find({ provider: unnamed })).toMatchObject({ guardsAgainst: undefined })
  expect(await find({ dir: join(folder, 'b'), offered: never })).toMatchObject({
    guardsAgainst: `every deploy that uses ${folder}/b`,
  })
})

it('takes what is offered: a provider, or a folder', async () => {
  const provider = new FileLock({ dir: join(folder, 'a') })
  const offer: LockOffer = { store: provider, description: 's3://deploys/shop' }
  expect(await find({ offered: async () => offer })).toEqual({
    provider,
    guardsAgainst: 'every deploy that uses s3://deploys/shop',
  })
  expect(await find({ offered: async () => ({ folder: join(folder, 'shared') }) })).toMatchObject({
    guardsAgainst: `every deploy that uses ${folder}/shared`,
  })
  await expect(find({ offered: async () => ({ store: {}, description: 'x' }) })).rejects.toMatchObject({
    code: 'E_LOCK',
  })
})

it('does with no less when that can not be asked', async () => {
  await expect(find({ offered: never })).rejects.toThrow('nobody is asked')
})

it("takes a folder of the user's where nothing is offered, and says what that is good for", async () => {
  const none = await find()
  expect(none.guardsAgainst).toBe(
    'other deploys of this user on this machine; deployLock.provider guards against other machines',
  )
  const reason = 's3://deploys does not honour conditional writes'
  const { guardsAgainst } = await find({ offered: async () => ({ reason }) })
  expect(guardsAgainst).toBe(
    `other deploys of this user on this machine: ${reason}, so it can't keep a lock for several machines`,
  )
  const held = await none.provider.acquire(REQUEST)
  expect(await (await find()).provider.inspect(REQUEST.key)).toMatchObject({ user: 'alice' })
  const elsewhere = await find({ target: ['/srv/shop', 'deploy@web2:22'] })
  expect(await elsewhere.provider.inspect(REQUEST.key)).toBeUndefined()
  await held.release()
  expect(await readdir(join(folder, 'shipit-deploy-locker'))).toHaveLength(1)
})

it.each(['', 'relative'])("keeps that in the user's home with XDG_STATE_HOME '%s'", async (state) => {
  vi.stubEnv('XDG_STATE_HOME', state)
  const { provider } = await find()
  expect(provider.description).toMatch(
    new RegExp(`^${join(homedir(), '.local/state/shipit-deploy-locker')}/[0-9a-f]{16}$`),
  )
})
