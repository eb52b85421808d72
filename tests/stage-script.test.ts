import { execFileSync, spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Script, type Variables } from 'shipit-capistrano'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { findProgram } from '../testbed/find-program.js'

const LOADER = `IFS= read -r s && eval "$s"`
const SCRIPT = Script.file(new URL('../packages/net-storage/server/stage.sh', import.meta.url))

const BASE = [
  'cat',
  'cut',
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

let folder: string
let archive: Buffer
let server: ReturnType<typeof createServer>
let url: string
let requests: string[]
/** Answers a request in place of the storage; returns false to let the storage answer. */
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
    const from = Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0)
    const range = { 'content-range': `bytes ${from}-${archive.length - 1}/${archive.length}` }
    response.writeHead(from > 0 ? 206 : 200, {
      'content-length': archive.length - from,
      ...(from > 0 ? range : {}),
    })
    response.end(archive.subarray(from))
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

/** Runs the script with a shell of its own PATH, as the last of which only these programs exist. */
async function run(
  variables: Variables = {},
  {
    shell = 'dash',
    programs = [...BASE, 'curl', 'sha256sum'],
  }: { shell?: string; programs?: readonly string[] } = {},
): Promise<Outcome> {
  const bin = await mkdtemp(join(folder, 'bin-'))
  const [program = 'dash', ...applet] = shell.split(' ')
  const shellPath = await findProgram(program)
  for (const name of programs) {
    await symlink(applet.length > 0 && name !== 'curl' ? shellPath : await findProgram(name), join(bin, name))
  }
  const child = spawn(shellPath, [...applet, '-c', LOADER], { env: { PATH: bin }, stdio: 'pipe' })
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
      size: archive.length,
      sha256: createHash('sha256').update(archive).digest('hex'),
      unpacked_size: 300_000,
      delays: '0.1 0.1 0.1',
      timeout: '',
      rate_limit: '',
      command: '',
      url,
      headers: '',
      curl_config: `url = "${url}"`,
      ...variables,
    }).encode(),
  )
  const [status] = (await once(child, 'close')) as [number | null]
  expect(output).not.toContain('canary')
  return { status, output }
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

  it('goes on where a download was cut, and says with which byte', async () => {
    const half = Math.floor(archive.length / 2)
    interfere = (request, response) => {
      if (request.headers.range) return false
      response.writeHead(200, { 'content-length': archive.length })
      response.write(archive.subarray(0, half), () => response.destroy())
      return true
    }
    const { status, output } = await run()
    expect(output).toMatch(/going on with archive\.tar\.gz at byte \d+ of \d+/)
    expect(output).toContain('trying to fetch archive.tar.gz again, 1 of 3, in 0.1 seconds')
    expect(status).toBe(0)
    expect(requests).toHaveLength(2)
    expect(requests[1]).toMatch(/^bytes=\d+-$/)
    await expectStaged()
  })

  it('goes on in the next run, too', async () => {
    await mkdir(path('net_storage_archives'), { recursive: true })
    await writeFile(path('net_storage_archives/archive.tar.gz.part'), archive.subarray(0, 1000))
    expect((await run()).output).toContain('going on with archive.tar.gz at byte 1000')
    expect(requests).toEqual(['bytes=1000-'])
    await expectStaged()
  })

  it('tries again as often as it may when storage is out of order', async () => {
    interfere = (_, response) => {
      response.writeHead(503).end()
      return true
    }
    const { status, output } = await run()
    expect(status).toBe(21)
    expect(output).toContain('cannot fetch archive.tar.gz from storage')
    expect(requests).toHaveLength(4)
  })

  it('does not try again when storage refuses', async () => {
    interfere = (_, response) => {
      response.writeHead(403).end()
      return true
    }
    const { status, output } = await run()
    expect(status).toBe(21)
    expect(output).toContain('storage answers with status 403')
    expect(requests).toHaveLength(1)
  })

  it.each([
    ['a byte that flipped', (content: Buffer) => content.fill(1, 5000, 5001)],
    ['an archive that was replaced', (content: Buffer) => content.fill(7)],
  ])('refuses %s, and says what to do', async (_, damage) => {
    const right = Buffer.from(archive)
    const sha256 = createHash('sha256').update(right).digest('hex')
    damage(archive)
    const { status, output } = await run({ sha256 })
    expect(status).toBe(22)
    expect(output).toContain('is not what was uploaded')
    await expect(readdir(path('releases'))).resolves.toEqual([])
    expect(await readdir(path('net_storage_archives'))).toEqual([])
  })

  it('gives up a download that takes longer than it may', async () => {
    interfere = (_, response) => {
      response.writeHead(200, { 'content-length': archive.length })
      response.write(archive.subarray(0, 10))
      return true
    }
    const { status } = await run({ timeout: 1, delays: '' })
    expect(status).toBe(21)
  })

  it('fetches no faster than it may', async () => {
    // More than what curl lets pass before it holds the limit.
    archive = Buffer.alloc(100_000_000, randomBytes(1000))
    const { status } = await run({ rate_limit: 100_000, timeout: 1, delays: '' })
    expect(status).toBe(21)
    expect((await run()).output).toMatch(/going on with archive\.tar\.gz at byte \d+ of 100000000/)
  })

  it('needs room for the archive and what is in it, before anything is fetched', async () => {
    const { status, output } = await run({ unpacked_size: 9_000_000_000_000_000 })
    expect(status).toBe(26)
    expect(output).toMatch(/has \d+ MB free, and this release needs 8\d{9} MB/)
    expect(requests).toEqual([])
  })

  it('fetches once when two deploys come at the same time', async () => {
    const outcomes = await Promise.all([run(), run({ release: '20261124000001' })])
    expect(outcomes.map(({ status }) => status)).toEqual([0, 0])
    expect(requests).toHaveLength(1)
    await expectStaged()
  })

  it('takes over from a deploy that was killed while it fetched', async () => {
    await mkdir(path('net_storage_archives/archive.tar.gz.part.lock'), { recursive: true })
    const gone = spawn('true')
    await once(gone, 'close')
    await writeFile(path('net_storage_archives/archive.tar.gz.part.lock/pid'), `${gone.pid}\n`)
    expect((await run()).status).toBe(0)
    await expectStaged()
  })

  it('takes the place of what a killed run left half-unpacked', async () => {
    await mkdir(path('releases/.staging-20261124000000'), { recursive: true })
    await writeFile(path('releases/.staging-20261124000000/half'), 'half')
    expect((await run()).status).toBe(0)
    expect(await readdir(path('releases/.staging-20261124000000'))).not.toContain('half')
  })
})
