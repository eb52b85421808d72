import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A package in a registry, version 1.0.0. */
export interface RegistryPackage {
  readonly name: string
  /** Contents by path, except package.json. */
  readonly files: Readonly<Record<string, string>>
  /** More fields for package.json. */
  readonly manifest?: Readonly<Record<string, unknown>>
}

/** A request to a registry. */
export interface RegistryRequest {
  /** Path; a complete URL if the registry was used as a proxy. */
  readonly url: string
  readonly headers: IncomingHttpHeaders
}

/** A package registry for npm, pnpm and Yarn. */
export interface NpmRegistry {
  /** Without a trailing slash. */
  readonly url: string
  /** All requests, in order. */
  readonly requests: readonly RegistryRequest[]
  stop(): Promise<void>
}

const VERSION = '1.0.0'

/** Starts a registry on this machine, with these packages. */
export async function startNpmRegistry(packages: readonly RegistryPackage[]): Promise<NpmRegistry> {
  const tarballs = new Map(
    await Promise.all(packages.map(async (each) => [each.name, await pack(each)] as const)),
  )
  const requests: RegistryRequest[] = []
  const server = createServer(({ url = '', headers }, response) => {
    requests.push({ url, headers })
    const [, name = '', file] = new URL(url, 'http://registry').pathname.split('/')
    const content = tarballs.get(name)
    const wanted = packages.find((each) => each.name === name)
    if (!content || !wanted) {
      response.writeHead(404).end('{}')
      return
    }
    if (file) {
      response.end(content)
      return
    }
    const { port } = server.address() as AddressInfo
    const version = {
      ...packageJson(wanted),
      dist: {
        tarball: `http://127.0.0.1:${port}/${name}/${name}-${VERSION}.tgz`,
        integrity: `sha512-${createHash('sha512').update(content).digest('base64')}`,
        shasum: createHash('sha1').update(content).digest('hex'),
      },
    }
    response.setHeader('content-type', 'application/json')
    // Yarn rejects packages published today.
    const time = { [VERSION]: '2020-01-01T00:00:00.000Z' }
    response.end(
      JSON.stringify({ name, 'dist-tags': { latest: VERSION }, versions: { [VERSION]: version }, time }),
    )
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    stop: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

function packageJson({ name, manifest }: RegistryPackage): Record<string, unknown> {
  return { name, version: VERSION, main: 'index.js', ...manifest }
}

async function pack(each: RegistryPackage): Promise<Buffer> {
  const root = await mkdtemp(join(tmpdir(), 'package-'))
  try {
    await mkdir(join(root, 'package'))
    await writeFile(join(root, 'package/package.json'), JSON.stringify(packageJson(each)))
    for (const [path, content] of Object.entries(each.files))
      await writeFile(join(root, 'package', path), content, { mode: path.endsWith('.js') ? 0o644 : 0o755 })
    return execFileSync('tar', ['-czf', '-', 'package'], { cwd: root })
  } finally {
    await rm(root, { recursive: true, force: true })
  }
}
