import { execFileSync, spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { scriptsIn, type Variables } from 'shipit-capistrano'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { findProgram } from '../../testbed/find-program.js'
import { withoutPrivileges } from '../../testbed/without-privileges.js'

const LOADER = `IFS= read -r s && eval "$s"`
const SCRIPT = scriptsIn(new URL('../../packages/net-storage/server/', import.meta.url))('stage')

const BASE = [
  'cat',
  'cut',
  'dd',
  'df',
  'gzip',
  'grep',
  'kill',
  'ls',
  'mkdir',
  'mv',
  'rm',
  'sed',
  'sleep',
  'tar',
  'tr',
  'wc',
]

/** Programs that busybox lacks. */
const NO_APPLETS = new Set(['curl', 'openssl'])

let folder: string
let archive: Buffer
let server: ReturnType<typeof createServer>
let url: string
let requests: string[]
/** Answers a request instead of the storage; returns false to let the storage answer. */
let interfere: (request: IncomingMessage, response: ServerResponse) => boolean
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "stage script's $(x)-"))
  requests = []
  interfere = () => false
  await mkdir(join(folder, 'tree/bin'), { recursive: true })
  await writeFile(join(folder, 'tree/bin/run'), randomBytes(300_000))
  archive = execFileSync('tar', ['-czf', '-', '-C', join(folder, 'tree'), '.'], { maxBuffer: 1e8 })
  server = createServer((request, response) => {
    requests.push(request.headers.range ?? 'all')
    if (interfere(request, response)) return
    const [, from = '0', last = ''] = /bytes=(\d+)-(\d*)/.exec(request.headers.range ?? '') ?? []
    const content = archive.subarray(Number(from), last ? Number(last) + 1 : archive.length)
    const range = `bytes ${from}-${Number(from) + content.length - 1}/${archive.length}`
    if (content.length === 0) response.writeHead(416)
    else if (request.headers.range)
      response.writeHead(206, { 'content-range': range, 'content-length': content.length })
    else response.writeHead(200, { 'content-length': content.length })
    response.end(content)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/archive?X-Amz-Signature=canary`
})
afterEach(async () => {
  server.closeAllConnections()
  server.close()
  await rm(folder, { recursive: true, force: true })
})

interface Outcome {
  readonly status: number | null
  readonly output: string
}

/** Runs the script in a shell whose PATH has only these programs. */
async function run(
  variables: Variables = {},
  {
    shell = 'dash',
    programs = [...BASE, 'curl', 'sha256sum'],
    unprivileged = false,
  }: { shell?: string; programs?: readonly string[]; unprivileged?: boolean } = {},
): Promise<Outcome> {
  const bin = await mkdtemp(join(folder, 'bin-'))
  const [program = 'dash', ...applet] = shell.split(' ')
  const shellPath = await findProgram(program)
  for (const name of programs) {
    await symlink(
      applet.length > 0 && !NO_APPLETS.has(name) ? shellPath : await findProgram(name),
      join(bin, name),
    )
  }
  const words = [...(unprivileged ? await withoutPrivileges() : []), shellPath, ...applet, '-c', LOADER]
  const [command = shellPath, ...args] = words
  const child = spawn(command, args, { env: { PATH: bin }, stdio: 'pipe' })
  let output = ''
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()))
  child.stdin.end(
    SCRIPT.with({
      deploy_to: join(folder, 'srv/shop'),
      purpose: 'stage',
      release: '20261124000000',
      revision: 'a'.repeat(40),
      revision_time: 1,
      archives_path: 'net_storage_archives',
      unpack_command: 'tar -xzopf - -C "$target" <"$archive_file"',
      archive: 'archive.tar.gz',
      object: 's3://bucket/shop/archives/archive.tar.gz',
      size: archive.length,
      sha256: createHash('sha256').update(archive).digest('hex'),
      unpacked_size: 300_000,
      delays: '0.1 0.1 0.1',
      timeout: '',
      rate_limit: '',
      connections: 4,
      command: '',
      relayed: '',
      url,
      headers: '',
      ca: '',
      curl_config: `url = "${url}"`,
      ...variables,
    }).encode(),
  )
  const [status] = (await once(child, 'close')) as [number | null]
  expect(output).not.toContain('canary')
  // Only for the timeline.
  return { status, output: output.replaceAll(/^::step \w+\n/gm, '') }
}

const path = (...parts: string[]): string => join(folder, 'srv/shop', ...parts)

async function expectStaged(): Promise<void> {
  const staged = await readFile(path('releases/.staging-20261124000000/bin/run'))
  expect(staged.equals(await readFile(join(folder, 'tree/bin/run')))).toBe(true)
  expect((await readdir(path('net_storage_archives'))).sort()).toEqual(['archive.tar.gz'])
}

describe('the script that stages a release', () => {
  it.each([
    ['dash', ['curl', 'sha256sum']],
    ['bash', ['curl', 'sha256sum']],
    ['busybox ash', ['curl', 'sha256sum']],
    ['dash', ['wget', 'sha256sum']],
    ['bash', ['wget', 'shasum', 'perl']],
    ['dash', ['curl', 'shasum', 'perl']],
    ['dash', ['curl', 'openssl']],
  ])('works in %s with %j', async (shell, extra) => {
    const { status, output } = await run({}, { shell, programs: [...BASE, ...extra] })
    expect(output).toContain('fetched and verified')
    expect(status).toBe(0)
    await expectStaged()
  })

  it.each([
    ['dash', []],
    ['busybox ash', ['wget']],
  ])(
    'requests to be sent the archive if no program can fetch it without exposing the URL: in %s with %j',
    async (shell, extra) => {
      const { status, output } = await run({}, { shell, programs: [...BASE, 'sha256sum', ...extra] })
      expect(output).toBe('neither curl nor GNU wget is installed\n')
      expect(status).toBe(28)
      expect(requests).toEqual([])
    },
  )

  it('resumes an interrupted download, and reports at which byte', async () => {
    const half = Math.floor(archive.length / 2)
    interfere = (request, response) => {
      if (request.headers.range) return false
      response.writeHead(200, { 'content-length': archive.length })
      response.write(archive.subarray(0, half), () => response.destroy())
      return true
    }
    const { status, output } = await run()
    expect(output).toMatch(/resuming archive\.tar\.gz at byte \d+ of \d+/)
    expect(output).toContain('retrying to fetch archive.tar.gz in 0.1 s (1 of 3)')
    expect(status).toBe(0)
    expect(requests).toHaveLength(2)
    expect(requests[1]).toMatch(/^bytes=\d+-$/)
    await expectStaged()
  })

  it('resumes in the next run', async () => {
    await mkdir(path('net_storage_archives'), { recursive: true })
    await writeFile(path('net_storage_archives/archive.tar.gz.part'), archive.subarray(0, 1000))
    expect((await run()).output).toContain('resuming archive.tar.gz at byte 1000')
    expect(requests).toEqual(['bytes=1000-'])
    await expectStaged()
  })

  it('retries up to the limit if storage fails', async () => {
    interfere = (_, response) => {
      response.writeHead(503).end()
      return true
    }
    const { status, output } = await run()
    expect(status).toBe(21)
    expect(output).toContain('cannot fetch s3://bucket/shop/archives/archive.tar.gz')
    expect(requests).toHaveLength(4)
  })

  it('does not retry if storage refuses', async () => {
    interfere = (_, response) => {
      response.writeHead(403).end()
      return true
    }
    const { status, output } = await run()
    expect(status).toBe(27)
    expect(output).toContain(
      'cannot fetch s3://bucket/shop/archives/archive.tar.gz: storage refused the request (status 403)',
    )
    expect(requests).toHaveLength(1)
  })

  it('distinguishes storage errors from refusals, also with wget', async () => {
    const programs = [...BASE, 'wget', 'sha256sum']
    let status = 503
    interfere = (_, response) => {
      response.writeHead(status).end()
      return true
    }
    expect(await run({}, { programs })).toMatchObject({ status: 21 })
    expect(requests).toHaveLength(4)
    status = 403
    expect(await run({}, { programs })).toMatchObject({ status: 27 })
    expect(requests).toHaveLength(5)
  })

  it.each([
    ['a flipped byte', (content: Buffer) => content.fill(1, 5000, 5001)],
    ['a replaced archive', (content: Buffer) => content.fill(7)],
    ['a truncated archive', () => void (archive = archive.subarray(0, 5000))],
  ])('rejects %s, and says what to do', async (_, damage) => {
    const right = Buffer.from(archive)
    const sha256 = createHash('sha256').update(right).digest('hex')
    damage(archive)
    const { status, output } = await run({ sha256, size: right.length })
    expect(status).toBe(22)
    expect(output).toContain('s3://bucket/shop/archives/archive.tar.gz in storage is not what was uploaded')
    await expect(readdir(path('releases'))).resolves.toEqual([])
    expect(await readdir(path('net_storage_archives'))).toEqual([])
  })

  it('stops a download at the timeout', async () => {
    interfere = (_, response) => {
      response.writeHead(200, { 'content-length': archive.length })
      response.write(archive.subarray(0, 10))
      return true
    }
    const { status } = await run({ timeout: 1, delays: '' })
    expect(status).toBe(21)
  })

  it('honours the rate limit', async () => {
    // More than curl transfers before it applies the limit.
    archive = Buffer.alloc(100_000_000, randomBytes(1000))
    const { status } = await run({ rate_limit: 100_000, timeout: 1, delays: '' })
    expect(status).toBe(21)
    expect((await run()).output).toMatch(/resuming archive\.tar\.gz at byte \d+ of 100000000/)
  })

  it('requires room for the archive and its content before anything is fetched', async () => {
    const { status, output } = await run({ unpacked_size: 9_000_000_000_000_000 })
    expect(status).toBe(26)
    expect(output).toMatch(/has \d+ MB free, but this release needs 8\d{9} MB/)
    expect(requests).toEqual([])
  })

  it('fetches once for two concurrent deploys', async () => {
    const outcomes = await Promise.all([run(), run({ release: '20261124000001' })])
    expect(outcomes.map(({ status }) => status)).toEqual([0, 0])
    expect(requests).toHaveLength(1)
    await expectStaged()
  })

  it.each(['dash', 'bash', 'busybox ash'])('fails in %s if it cannot write', async (shell) => {
    await mkdir(path('net_storage_archives'), { recursive: true })
    await chmod(path('net_storage_archives'), 0o555)
    const { status, output } = await run({}, { shell, unprivileged: true })
    expect(output).toContain(
      'cannot write to net_storage_archives: check its owner and mode, and that its disk is not full\n',
    )
    expect(status).toBe(10)
  })

  it('takes over from a deploy killed while fetching', async () => {
    await mkdir(path('net_storage_archives/archive.tar.gz.part.lock'), { recursive: true })
    const gone = spawn('true')
    await once(gone, 'close')
    await writeFile(path('net_storage_archives/archive.tar.gz.part.lock/pid'), `${gone.pid}\n`)
    expect((await run()).status).toBe(0)
    await expectStaged()
  })

  it('replaces what a killed run left half unpacked', async () => {
    await mkdir(path('releases/.staging-20261124000000'), { recursive: true })
    await writeFile(path('releases/.staging-20261124000000/half'), 'half')
    expect((await run()).status).toBe(0)
    expect(await readdir(path('releases/.staging-20261124000000'))).not.toContain('half')
  })
})

describe('an archive over 64 MB', () => {
  const mebibyte = 1 << 20
  const plain = { unpack_command: 'cp "$archive_file" "$target/archive"', unpacked_size: 70 * mebibyte }
  const programs = [...BASE, 'cp', 'curl', 'openssl']
  /** Offsets of the first bytes requested, sorted. */
  const firsts = (): number[] =>
    requests.map((range) => Number(/\d+/.exec(range)?.[0] ?? 0)).toSorted((a, b) => a - b)

  beforeEach(() => {
    archive = Buffer.concat(Array.from({ length: 71 }, () => randomBytes(mebibyte))).subarray(
      0,
      70 * mebibyte + 17,
    )
  })

  async function expectFetched(outcome: Outcome): Promise<void> {
    expect(outcome.output).toContain('fetched and verified')
    expect(outcome.status).toBe(0)
    expect((await readFile(path('releases/.staging-20261124000000/archive'))).equals(archive)).toBe(true)
    expect(await readdir(path('net_storage_archives'))).toEqual(['archive.tar.gz'])
  }

  it.each(['dash', 'bash', 'busybox ash'])('is fetched in parallel ranges in %s', async (shell) => {
    const waiting: (() => void)[] = []
    // None is answered before all have arrived.
    interfere = (request, response) => {
      waiting.push(() => server.emit('request', request, response))
      if (waiting.length < 4) return true
      interfere = () => false
      requests = []
      for (const answer of waiting) answer()
      return true
    }
    await expectFetched(await run(plain, { shell, programs }))
    expect(firsts()).toHaveLength(4)
    expect(firsts()[0]).toBe(0)
  })

  it('is resumed in each range by the next run', async () => {
    interfere = (request, response) => {
      const [, from = '', last = ''] = /bytes=(\d+)-(\d+)/.exec(request.headers.range ?? '') ?? []
      const content = archive.subarray(Number(from), Number(last) + 1)
      response.writeHead(206, {
        'content-length': content.length,
        'content-range': `bytes ${from}-${last}/${archive.length}`,
      })
      response.write(content.subarray(0, 10 * mebibyte), () => response.destroy())
      return true
    }
    expect((await run({ ...plain, delays: '' }, { programs })).status).toBe(21)
    const begun = firsts()
    requests = []
    interfere = () => false
    const outcome = await run(plain, { programs })
    await expectFetched(outcome)
    expect(Number(/resuming archive\.tar\.gz at byte (\d+)/.exec(outcome.output)?.[1])).toBeGreaterThan(
      20 * mebibyte,
    )
    // 10 MiB of each were sent; socket buffers may have lost some.
    for (const [index, first] of firsts().entries())
      expect(first).toBeGreaterThan((begun[index] ?? 0) + 5 * mebibyte)
  })

  it('is resumed after a kill, and after a download in one piece', async () => {
    await mkdir(path('net_storage_archives'), { recursive: true })
    await writeFile(path('net_storage_archives/archive.tar.gz.part'), archive.subarray(0, 30 * mebibyte + 5))
    await expectFetched(await run(plain, { programs }))
    expect(firsts()[0]).toBe(30 * mebibyte)
    await rm(path(), { recursive: true })
    requests = []

    await mkdir(path('net_storage_archives'), { recursive: true })
    const sparse = Buffer.alloc(archive.length)
    archive.copy(sparse, 0, 0, 26 * mebibyte)
    await writeFile(path('net_storage_archives/archive.tar.gz.part'), sparse)
    await writeFile(path('net_storage_archives/archive.tar.gz.part.ranges'), `0 ${26 * mebibyte}\n`)
    await writeFile(path('net_storage_archives/archive.tar.gz.part.range-7'), '')
    await expectFetched(await run(plain, { programs }))
    expect(firsts()[0]).toBe(26 * mebibyte)
  })

  it('is fetched from scratch in one piece if only wget is left', async () => {
    await mkdir(path('net_storage_archives'), { recursive: true })
    await writeFile(path('net_storage_archives/archive.tar.gz.part'), Buffer.alloc(archive.length))
    await writeFile(path('net_storage_archives/archive.tar.gz.part.ranges'), '1048576 1048576\n')
    await expectFetched(await run(plain, { programs: [...BASE, 'cp', 'wget', 'openssl'] }))
    expect(requests).toEqual(['all'])
  })

  it('is fetched in one piece from storage without ranges', async () => {
    interfere = (request) => {
      delete request.headers.range
      return false
    }
    const outcome = await run(plain, { programs })
    expect(outcome.output).toContain('storage does not support range requests')
    await expectFetched(outcome)
  })

  it('is not requested again if storage refuses', async () => {
    interfere = (_, response) => {
      response.writeHead(403).end()
      return true
    }
    const { status, output } = await run(plain, { programs })
    expect(output).toContain('storage refused the request (status 403)')
    expect(status).toBe(27)
    expect(requests.length).toBeLessThanOrEqual(4)
  })

  it('is rejected if it is truncated or replaced in storage', async () => {
    const [size, sha256] = [archive.length, createHash('sha256').update(archive).digest('hex')]
    archive = archive.subarray(0, 60 * mebibyte)
    expect(await run({ ...plain, size, sha256, delays: '0.1' }, { programs })).toMatchObject({ status: 22 })
    archive = randomBytes(size)
    expect(await run({ ...plain, sha256, delays: '' }, { programs })).toMatchObject({ status: 22 })
    expect(await readdir(path('net_storage_archives'))).toEqual([])
  })

  it('is fetched in one piece if time or rate is limited', async () => {
    await expectFetched(await run({ ...plain, timeout: 60 }, { programs }))
    expect(requests).toEqual(['all'])
  })
})
