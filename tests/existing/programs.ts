import { once } from 'node:events'
import { appendFile, mkdir, readFile, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { freeAddress } from '../../testbed/free-address.js'
import type { Stage } from '../support/stage.js'
import { sudo } from '../support/sudo.js'

/** Programs on servers besides the stand-ins: what shipit-deploy, our plugins and the set-ups call. */
export const SERVER_TOOLS = (
  'awk basename bash cat chmod cp curl cut date dd df dirname env false find grep gzip head id ln ls mkdir mv node readlink rm rsync sed ' +
  'sh sha256sum sleep sort stat tar touch tr true uniq wc xargs'
).split(' ')

/** Programs that the plugins call. Each logs the call, and does the work that is visible in a release. */
const STAND_INS: Readonly<Record<string, string>> = {
  npm: 'echo "$*" >installed-by-npm',
  yarn: 'echo "$*" >installed-by-yarn',
  bower: 'echo "$*" >installed-by-bower',
  composer: 'echo "$*" >installed-by-composer',
  pm2: '',
  mysqldump: 'echo "create table orders"',
  mysql: '',
  bzip2: 'cat',
  bunzip2: 'mv "$2" "${2%.bz2}"',
}

/** Stand-ins for programs and for Slack, on this machine and on the servers of a stage. */
export class Programs {
  private constructor(
    private readonly stage: Stage,
    private readonly slack: Server,
  ) {}

  /** Installs them. The stage's servers must have {@link SERVER_TOOLS}. */
  static async create(stage: Stage): Promise<Programs> {
    const folders = [
      { folder: join(stage.directory, 'existing/bin'), calls: '"$CALLS"', who: '' },
      ...stage.fleet.hosts.map(({ name, home }) => ({
        folder: join(home, '../bin'),
        calls: `'${join(home, 'calls')}'`,
        who: `@${name} `,
      })),
    ]
    for (const { folder, calls, who } of folders) {
      await mkdir(folder, { recursive: true })
      for (const [name, work] of Object.entries(STAND_INS)) {
        const script = `#!/bin/sh\necho "${who}${name} in $PWD: $*" >>${calls}\n${work}\n`
        await writeFile(join(folder, name), script, { mode: 0o755 })
      }
      await writeFile(join(folder, 'sudo'), sudo(), { mode: 0o755 })
    }
    return new Programs(stage, await startSlack())
  }

  /** The environment for a run, with the file to which calls on this machine are logged. */
  env(calls: string): NodeJS.ProcessEnv {
    const { address, port } = this.slack.address() as AddressInfo
    return {
      CALLS: calls,
      PATH: `${join(this.stage.directory, 'existing/bin')}:${this.stage.env['PATH']}`,
      PLUGINS: fileURLToPath(new URL('plugins/node_modules', import.meta.url)),
      SLACK: `http://${address}:${port}/${encodeURIComponent(calls)}`,
    }
  }

  /** Calls on servers that contain a word. */
  async calls(word: string): Promise<string[]> {
    const logs = this.stage.fleet.hosts.map(({ home }) => lines(join(home, 'calls')))
    return (await Promise.all(logs)).flat().filter((line) => new RegExp(`\\b${word}\\b`).test(line))
  }

  async close(): Promise<void> {
    this.slack.close()
    await once(this.slack, 'close')
  }
}

/** Appends what is posted to the file named by the path. */
async function startSlack(): Promise<Server> {
  const server = createServer((request, response) => {
    let body = ''
    request.setEncoding('utf8').on('data', (text: string) => (body += text))
    request.on('end', () => {
      const calls = decodeURIComponent((request.url ?? '').slice(1))
      void appendFile(calls, `slack: ${body}\n`).then(() => response.end('ok'))
    })
  })
  const { host, port } = await freeAddress()
  server.listen(port, host)
  await once(server, 'listening')
  return server
}

/** A file's lines; empty if it does not exist. */
export async function lines(path: string): Promise<string[]> {
  return (await readFile(path, 'utf8').catch(() => '')).split('\n').filter(Boolean)
}
