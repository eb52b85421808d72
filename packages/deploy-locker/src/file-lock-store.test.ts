import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, utimes, writeFile } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { promisify } from 'node:util'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { FileLockStore } from './file-lock-store.js'
import type { HeldLock } from './held-lock.js'
import { Lock } from './lock.js'
import type { LockHolder } from './lock-record.js'
import { ownIdentity } from './process-identity.js'
import { lockContract } from './testing/index.js'

const REQUEST = { key: 'shop.production', user: 'alice', reason: 'shipit production deploy' }

let dir: string
let locks: Lock
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'file-lock-'))
  locks = new Lock(new FileLockStore({ dir }))
})
afterEach(() => rm(dir, { recursive: true, force: true }))

/** Another process, with `locks` and `request` in its scope. */
function otherProcess(body: string, lease = 60): ChildProcess {
  const code = `
    import { FileLockStore, Lock } from 'shipit-deploy-locker'
    const locks = new Lock(new FileLockStore({ dir: process.env.LOCKS, lease: ${lease} }))
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

/** Leaves a record behind, of this age. */
async function leaveBehind(record: object | string, ageSeconds = 0): Promise<void> {
  const whole = {
    ...REQUEST,
    since,
    host: 'somewhere',
    scope: 'a',
    number: 7,
    lease: 60,
    token: 'b',
    held: true,
    ...(record as object),
  }
  const path = join(dir, 'shop.production.7.info')
  await writeFile(path, typeof record === 'string' ? record : JSON.stringify(whole))
  const time = Date.now() / 1000 - ageSeconds
  await utimes(path, time, time)
}

const since = '2026-11-23T20:15:03.000Z'
const elsewhere = { host: 'elsewhere', pid: 1, process: { host: 'elsewhere', pid: 1 } }

lockContract({
  it,
  create: async () => () => new FileLockStore({ dir }),
  createBroken: async () => {
    await writeFile(join(dir, 'file'), '')
    return new FileLockStore({ dir: join(dir, 'file/locks') })
  },
})

it('leaves only the last state behind, so that numbers rise', async () => {
  for (let number = 1; number <= 3; number += 1) {
    const held = await locks.acquire(REQUEST)
    expect(held.fencingToken.number).toBe(number)
    await held.release()
    expect(await readdir(dir)).toEqual([`shop.production.${2 * number}.info`])
  }
})

it('is refused while somebody has it, with who, why, since when, from where, and what to do', async () => {
  const held = await locks.acquire(REQUEST)
  const refused = locks.acquire({ ...REQUEST, user: 'bob' })
  await expect(refused).rejects.toMatchObject({ code: 'E_LOCK_HELD', holder: { user: 'alice' } })
  await expect(refused).rejects.toThrow(
    new RegExp(
      `shop\\.production is locked by alice \\(shipit production deploy\\) since \\d{4}-\\d\\d-\\d\\d [\\d:]+ UTC, just now, from ${hostname()}, process ${process.pid}\\..*deploy:lock:break`,
    ),
  )
  await held.release()
  await (await locks.acquire({ ...REQUEST, user: 'bob' })).release()
})

it('is held by one of many processes at a time', async () => {
  const processes = Array.from({ length: 6 }, () =>
    otherProcess(`
      import { open, rm } from 'node:fs/promises'
      import { join, relative } from 'node:path'
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
  expect(await readdir(dir)).toEqual(['shop.production.120.info'])
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

it('is released when its process exits early', async () => {
  const child = otherProcess(`
    await locks.acquire(request)
    process.exit(7)`)
  expect(await status(child)).toBe(7)
  expect(JSON.parse(await readFile(join(dir, 'shop.production.1.info'), 'utf8'))).toMatchObject({
    held: false,
  })
})

it('does not bring back a state that was removed, when its process exits', async () => {
  const store = new FileLockStore({ dir })
  store.writeSync('shop', '{}', '7')
  expect(await readdir(dir)).toEqual([])
})

it('is taken over from an earlier process with a reused id, or from before a reboot', async () => {
  const me = await ownIdentity()
  for (const other of [{ startTime: '1' }, { bootId: 'an-earlier-one' }]) {
    await rm(dir, { recursive: true })
    await mkdir(dir)
    await leaveBehind({ process: { ...me, ...other } })
    const held = await locks.acquire(REQUEST)
    expect(held.tookOverFrom).toMatchObject({ since })
    expect(held.fencingToken).toEqual({ scope: 'a', number: 8 })
    await held.release()
  }
})

it.each([
  ['of another machine', elsewhere],
  ['of another machine with the same name', { machine: 'another' }],
  ['in another container', { pidNamespace: 'pid:[1]' }],
])('belongs to a process %s until it was not renewed for a minute', async (_, other) => {
  const process = { ...(await ownIdentity()), ...other, bootId: 'another' }
  await leaveBehind({ host: process.host, process })
  await expect(locks.acquire(REQUEST)).rejects.toMatchObject({ holder: { since } })
  await leaveBehind({ host: process.host, process }, 61)
  const held = await locks.acquire(REQUEST)
  expect(held.tookOverFrom).toMatchObject({ since })
  await held.release()
})

it('counts as held while its record is unreadable, and as free when that is old', async () => {
  await leaveBehind('{ "user"')
  await expect(locks.acquire(REQUEST)).rejects.toMatchObject({ holder: { user: 'somebody unknown' } })
  await leaveBehind('{ "user"', 61)
  const held = await locks.acquire(REQUEST)
  // Earlier numbers are unknown, so a new scope starts.
  expect(held.fencingToken.scope).not.toBe('a')
  await held.release()
})

it('is refused when somebody takes it over first', async () => {
  await leaveBehind(elsewhere)
  const other = new Lock(new FileLockStore({ dir }))
  let taken: HeldLock | undefined
  const isAlive = async ({ user }: LockHolder): Promise<boolean | undefined> => {
    taken ??= await other.acquire({ ...REQUEST, user: 'bob', isAlive: async () => false })
    return user === 'bob' ? undefined : false
  }
  const refused = locks.acquire({ ...REQUEST, isAlive })
  await expect(refused).rejects.toMatchObject({ code: 'E_LOCK_HELD', holder: { user: 'bob' } })
  expect(taken?.fencingToken).toEqual({ scope: 'a', number: 8 })
  await taken?.release()
})

it('can be broken while its record is unreadable', async () => {
  await leaveBehind('{ "user"')
  expect(await locks.break(REQUEST.key, REQUEST)).toMatchObject({ user: 'somebody unknown' })
  await (await locks.acquire(REQUEST)).release()
})

it('stays fresh for other machines while the event loop is blocked', async () => {
  const child = otherProcess(
    `
    await locks.acquire(request)
    process.stdout.write('held')
    for (const until = Date.now() + 4500; Date.now() < until; ) {}
    process.exit()`,
    2,
  )
  await once(child.stdout ?? child, 'data')
  // Another machine can't know that the process is alive.
  const others = new Lock(new FileLockStore({ dir, lease: 2 }))
  const isAlive = async (): Promise<undefined> => undefined
  const ended = status(child)
  let refused = 0
  let held: HeldLock | undefined
  while (!held) {
    await pause(50)
    held = await others.acquire({ ...REQUEST, isAlive }).catch(() => undefined)
    refused += held ? 0 : 1
  }
  expect(held.tookOverFrom).toBeUndefined()
  expect(refused).toBeGreaterThan(20)
  expect(await ended).toBe(0)
}, 30_000)

it('is lost when its folder is removed', async () => {
  const held = await locks.acquire(REQUEST)
  await rm(dir, { recursive: true })
  await expect(held.confirm()).rejects.toThrow('its record is gone')
  expect(held.lost.aborted).toBe(true)
  await held.release()
})

it('is lost before others may take it over, when it cannot be renewed', async () => {
  const short = new Lock(new FileLockStore({ dir, lease: 1 }))
  const held = await short.acquire(REQUEST)
  const lost = once(held.lost, 'abort')
  const [file = ''] = await readdir(dir)
  // Not even root can write here.
  await rm(join(dir, file))
  await symlink('/proc/self/mem/no', join(dir, file))
  await lost
  expect(String(held.lost.reason)).toMatch('could not be reached')
  await rm(join(dir, file))
})

it('names the unusable folder', async () => {
  const file = join(dir, 'file')
  await writeFile(file, '')
  await expect(
    new Lock(new FileLockStore({ dir: join(file, 'locks') })).acquire(REQUEST),
  ).rejects.toMatchObject({
    code: 'E_LOCK',
    message: expect.stringContaining(join(file, 'locks')),
  })
})

it('keeps a folder that it creates in the project out of the repository', async () => {
  const git = (...args: string[]) => promisify(execFile)('git', args, { cwd: dir })
  await git('init', '-q')
  const project = relative(process.cwd(), dir)
  const held = await new Lock(new FileLockStore({ dir: join(project, 'state/locks') })).acquire(REQUEST)
  expect((await git('status', '--porcelain')).stdout).toBe('')
  await held.release()
  // An existing folder, or one outside the project, is left alone.
  await mkdir(join(dir, 'own'))
  for (const folder of [join(project, 'own'), join(dir, 'absolute')]) {
    await (await new Lock(new FileLockStore({ dir: folder })).acquire(REQUEST)).release()
    expect(await readdir(folder)).toEqual(['shop.production.2.info'])
  }
})
