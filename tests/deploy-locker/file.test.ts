import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'

let dir: string
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'lock-file-'))
})
afterEach(() => rm(dir, { recursive: true, force: true }))

/** Runs code with `locks` and `request` in scope, and its folder on a small disk. Returns what it prints as JSON. */
async function onSmallDisk(body: string): Promise<unknown> {
  const code = `${PROGRAM}
    const lock = async (what) => what().then(() => 'done', ({ code, message }) => code + ' ' + message)
    ${body}`
  return outcome('unshare', [
    '--mount',
    ...(process.getuid?.() === 0 ? [] : ['--user', '--map-root-user']),
    'sh',
    '-c',
    'mount -t tmpfs -o size=32k tmpfs "$LOCKS" && exec "$0" --input-type=module --eval "$1"',
    process.execPath,
    code,
  ])
}

const PROGRAM = `
  import { execFileSync } from 'node:child_process'
  import { chmod, rm, writeFile } from 'node:fs/promises'
  import { once } from 'node:events'
  import { join } from 'node:path'
  import { FileLockStore, Lock } from 'shipit-deploy-locker'
  const dir = process.env.LOCKS
  const locks = new Lock(new FileLockStore({ dir, lease: 2 }))
  const request = { key: 'shop', user: 'alice', reason: 'a test' }`

async function outcome(command: string, args: readonly string[]): Promise<unknown> {
  const child = spawn(command, args, {
    env: { ...process.env, LOCKS: dir },
    stdio: ['ignore', 'pipe', 'inherit'],
    cwd: import.meta.dirname,
  })
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
  await once(child, 'close')
  return JSON.parse(output) as unknown
}

it('is kept and released while the disk is full, and refused with the reason', async () => {
  const found = await onSmallDisk(`
    const filler = join(dir, 'filler')
    const fill = () => writeFile(filler, Buffer.alloc(64_000)).catch(error => error.code)
    const held = await locks.acquire(request)
    const full = await fill()
    const confirmed = await lock(() => held.confirm())
    await held.release()
    const free = await locks.inspect('shop') === undefined
    await fill()
    const refused = await lock(() => locks.acquire(request))
    await rm(filler)
    const taken = await lock(() => locks.acquire(request))
    console.log(JSON.stringify({ full, confirmed, free, refused, taken }))
    process.exit()`)
  expect(found).toEqual({
    full: 'ENOSPC',
    confirmed: 'done',
    free: true,
    refused: expect.stringMatching(
      /^E_LOCK Can't keep a lock in .* \(ENOSPC\): .* on a disk that is not full/,
    ),
    taken: 'done',
  })
})

it('is lost on a disk that has become read-only, and refused with the reason', async () => {
  const found = await onSmallDisk(`
    const held = await locks.acquire(request)
    execFileSync('mount', ['-o', 'remount,ro', dir])
    const lost = once(held.lost, 'abort')
    const confirmed = await lock(() => held.confirm())
    await lost
    const broken = await lock(() => locks.break('shop', request))
    const refused = await lock(() => locks.acquire({ ...request, key: 'other' }))
    console.log(JSON.stringify({ confirmed, broken, refused }))`)
  expect(found).toEqual({
    confirmed: expect.stringMatching(/its store could not be reached for \d+ seconds .*EROFS/),
    broken: expect.stringMatching(/^E_LOCK .*EROFS/),
    refused: expect.stringMatching(/^E_LOCK .*EROFS/),
  })
})

it('names a folder that it cannot write to', async () => {
  await mkdir(join(dir, 'locks'))
  await chmod(join(dir, 'locks'), 0o555)
  await chmod(dir, 0o755)
  const code = `${PROGRAM}
    // Root may write anywhere.
    if (process.getuid() === 0) process.setuid(65534)
    const error = await new Lock(new FileLockStore({ dir: join(dir, 'locks') })).acquire(request).catch(error => error)
    console.log(JSON.stringify(String(error)))`
  expect(await outcome(process.execPath, ['--input-type=module', '--eval', code])).toMatch(
    /^Can't keep a lock in .*\/locks \(EACCES\): it must be a folder that this user can write to.*\[E_LOCK\]$/,
  )
})
