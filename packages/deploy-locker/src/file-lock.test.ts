import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { FileLock } from './file-lock.js'
import { ownIdentity } from './process-identity.js'

const REQUEST = { key: 'shop.production', user: 'alice', reason: 'shipit production deploy' }

let dir: string
let locks: FileLock
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'file-lock-'))
  locks = new FileLock({ dir })
})
afterEach(() => rm(dir, { recursive: true, force: true }))

/** Another process, with `locks` and `request` in its scope. */
function otherProcess(body: string): ChildProcess {
  const code = `
    import { FileLock } from 'shipit-deploy-locker'
    const locks = new FileLock({ dir: process.env.LOCKS })
    const request = JSON.parse(process.env.REQUEST)
    ${body}`
  return spawn(process.execPath, ['--input-type=module', '--eval', code], {
    env: { ...process.env, LOCKS: dir, REQUEST: JSON.stringify(REQUEST) },
    stdio: ['ignore', 'pipe', 'inherit'],
    cwd: import.meta.dirname,
  })
}

async function status(child: ChildProcess): Promise<unknown> {
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null]
  return code ?? signal
}

/** Writes what a lock's holder wrote, and makes the lock as old as given. */
async function leaveBehind(record: object | string, ageSeconds = 0): Promise<void> {
  const content = typeof record === 'string' ? record : JSON.stringify({ ...REQUEST, ...record })
  await writeFile(join(dir, 'shop.production.info'), content)
  await mkdir(join(dir, 'shop.production.lock'))
  const time = Date.now() / 1000 - ageSeconds
  await utimes(join(dir, 'shop.production.lock'), time, time)
}

const since = '2026-11-23T20:15:03.000Z'

it('is taken, told of, and given back, and leaves nothing behind', async () => {
  expect(await locks.inspect(REQUEST.key)).toBeUndefined()
  const held = await locks.acquire(REQUEST)
  expect(held.tookOverFrom).toBeUndefined()
  expect(await locks.inspect(REQUEST.key)).toMatchObject({ ...REQUEST, host: hostname(), pid: process.pid })
  await held.release()
  await held.release()
  expect(await locks.inspect(REQUEST.key)).toBeUndefined()
  expect(await readdir(dir)).toEqual([])
})

it('is refused while somebody has it, and tells who, why, since when, from where, and what to do', async () => {
  const held = await locks.acquire(REQUEST)
  const refused = locks.acquire({ ...REQUEST, user: 'bob' })
  await expect(refused).rejects.toMatchObject({ code: 'E_LOCK_HELD', holder: { user: 'alice' } })
  await expect(refused).rejects.toThrow(
    new RegExp(
      `shop\\.production is locked by alice \\(shipit production deploy\\) since \\d{4}-\\d\\d-\\d\\d [\\d:]+ UTC, just now, from ${hostname()}, process ${process.pid}\\..*remove ${dir}/shop\\.production\\.lock`,
    ),
  )
  await held.release()
  await (await locks.acquire({ ...REQUEST, user: 'bob' })).release()
})

it('is held by one of many processes at a time', async () => {
  const processes = Array.from({ length: 6 }, () =>
    otherProcess(`
      import { open, rm } from 'node:fs/promises'
      import { join } from 'node:path'
      const inside = join(process.env.LOCKS, 'inside')
      for (let round = 0; round < 10;) {
        const held = await locks.acquire(request).catch(error => {
          if (error.code !== 'E_LOCK_HELD') throw error
        })
        if (!held) continue
        await (await open(inside, 'wx')).close()
        await new Promise(setImmediate)
        await rm(inside)
        await held.release()
        round += 1
      }`),
  )
  expect(await Promise.all(processes.map(status))).toEqual(processes.map(() => 0))
  expect(await readdir(dir)).toEqual([])
}, 60_000)

it('is taken over at once from a process that was killed', async () => {
  const child = otherProcess(`
    await locks.acquire(request)
    console.log('held')
    setInterval(() => {}, 1000)`)
  await once(child.stdout ?? child, 'data')
  expect(await locks.inspect(REQUEST.key)).toMatchObject({ pid: child.pid })
  child.kill('SIGKILL')
  expect(await status(child)).toBe('SIGKILL')
  expect(await locks.inspect(REQUEST.key)).toBeUndefined()
  const held = await locks.acquire(REQUEST)
  expect(held.tookOverFrom).toMatchObject({ pid: child.pid })
  await held.release()
})

it('is given back by a process that exits in the middle', async () => {
  const child = otherProcess(`
    await locks.acquire(request)
    process.exit(7)`)
  expect(await status(child)).toBe(7)
  expect(await readdir(dir)).toEqual([])
})

it('is taken over from an earlier process that had the id of one that lives, or from before a restart', async () => {
  const me = await ownIdentity()
  for (const other of [{ startTime: '1' }, { bootId: 'an-earlier-one' }]) {
    await leaveBehind({ ...me, ...other, since })
    const held = await locks.acquire(REQUEST)
    expect(held.tookOverFrom).toMatchObject({ pid: process.pid, since })
    await held.release()
  }
})

it("is left to another machine's process until it was not refreshed for a minute", async () => {
  await leaveBehind({ host: 'elsewhere', pid: 1, since })
  await expect(locks.acquire(REQUEST)).rejects.toMatchObject({ holder: { host: 'elsewhere' } })
  await rm(join(dir, 'shop.production.lock'), { recursive: true })
  await leaveBehind({ host: 'elsewhere', pid: 1, since }, 61)
  const held = await locks.acquire(REQUEST)
  expect(held.tookOverFrom).toMatchObject({ host: 'elsewhere' })
  await held.release()
})

it('is never taken away from whoever took it over', async () => {
  const held = await locks.acquire(REQUEST)
  const theirs = JSON.stringify({ ...REQUEST, user: 'bob', host: 'elsewhere', pid: 1, since })
  await writeFile(join(dir, 'shop.production.info'), theirs)
  await held.release()
  expect(await readFile(join(dir, 'shop.production.info'), 'utf8')).toBe(theirs)
  expect(await locks.inspect(REQUEST.key)).toMatchObject({ user: 'bob' })
})

it('counts as held while its details are unreadable, and as free when they are old', async () => {
  await leaveBehind('{ "user"')
  await expect(locks.acquire(REQUEST)).rejects.toMatchObject({ holder: { user: 'somebody unknown' } })
  await rm(join(dir, 'shop.production.lock'), { recursive: true })
  await leaveBehind('{ "user"', 61)
  await (await locks.acquire(REQUEST)).release()
})

it('names the folder that can not be used', async () => {
  const file = join(dir, 'file')
  await writeFile(file, '')
  await expect(new FileLock({ dir: join(file, 'locks') }).acquire(REQUEST)).rejects.toMatchObject({
    code: 'E_LOCK',
    message: expect.stringContaining(join(file, 'locks')),
  })
})

it('keeps locks of any name apart, in its folder', async () => {
  const keys = ['a/b', 'a%2Fb', '..', '.hidden', '../up', 'ünï ☃', '*', "-'$(id)"]
  const held = await Promise.all(keys.map((key) => locks.acquire({ ...REQUEST, key })))
  const infos = (await readdir(dir)).filter((name) => name.endsWith('.info'))
  expect(infos).toHaveLength(keys.length)
  for (const key of keys) expect(await locks.inspect(key)).toMatchObject({ key })
  for (const each of held) await each.release()
  expect(await readdir(dir)).toEqual([])
})
