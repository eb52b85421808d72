import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { accepts } from './accepts.js'
import type { Address } from './free-address.js'
import { Daemon } from './daemon.js'
import { findProgram } from './find-program.js'

const READY_SECONDS = 20

export interface NginxOptions extends Address {
  /** Its own folder. */
  readonly directory: string
  /** Contents of the `server` block except `listen`. */
  readonly server: string
  /** Parameters after the address in `listen`. @default none */
  readonly listen?: string
}

/** Starts nginx. Needs no root. */
export async function startNginx(options: NginxOptions): Promise<Daemon> {
  const { directory, host, port } = options
  await mkdir(join(directory, 'parts'), { recursive: true })
  await writeFile(join(directory, 'nginx.conf'), configuration(options))
  const log = join(directory, 'nginx.log')
  const daemon = Daemon.start({
    command: await findProgram('nginx'),
    args: ['-c', join(directory, 'nginx.conf'), '-p', directory, '-e', log],
    log,
  })
  await daemon.untilReady(() => accepts(host, port), READY_SECONDS)
  return daemon
}

/** Writes nginx's user file, with one user. {PLAIN} stores the password in plain text, so only the owner may read it. */
export async function writeUser(path: string, user: string, password: string): Promise<void> {
  await writeFile(path, `${user}:{PLAIN}${password}\n`, { mode: 0o600 })
}

function configuration({ directory, host, port, server, listen = '' }: NginxOptions): string {
  const own = process.getuid?.() === 0 ? 'user root;\n' : ''
  return `${own}daemon off;
pid ${directory}/nginx.pid;
error_log ${directory}/nginx.log;
events {}
http {
  access_log off;
  client_body_temp_path ${directory}/parts;
  proxy_temp_path ${directory}/proxy;
  fastcgi_temp_path ${directory}/fastcgi;
  uwsgi_temp_path ${directory}/uwsgi;
  scgi_temp_path ${directory}/scgi;
  server {
    listen ${host}:${port} ${listen};
${server}  }
}
`
}
