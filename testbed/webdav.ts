import { mkdir, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join, resolve } from 'node:path'
import { Daemon } from './daemon.js'
import { findProgram } from './find-program.js'
import { freeAddress } from './free-address.js'

const READY_SECONDS = 20

/** A web server that files can be put on. */
export interface WebDavServer {
  /** Without a slash at the end. */
  readonly url: string
  readonly user: string
  readonly password: string
  stop(): Promise<void>
}

/** Starts nginx with its dav module. Needs no root. */
export async function startWebDav(directory: string): Promise<WebDavServer> {
  const root = resolve(directory)
  const { host, port } = await freeAddress()
  await mkdir(join(root, 'files'), { recursive: true })
  await mkdir(join(root, 'parts'))
  const [user, password] = ['deploy', 'canary-password']
  // {PLAIN} is for files that nobody else reads.
  await writeFile(join(root, 'users'), `${user}:{PLAIN}${password}\n`, { mode: 0o600 })
  await writeFile(join(root, 'nginx.conf'), configuration(root, host, port))
  const log = join(root, 'nginx.log')
  const daemon = Daemon.start({
    command: await findProgram('nginx'),
    args: ['-c', join(root, 'nginx.conf'), '-p', root, '-e', log],
    log,
  })
  await daemon.untilReady(() => accepts(host, port), READY_SECONDS)
  return { url: `http://${host}:${port}/deploys`, user, password, stop: () => daemon.stop() }
}

function configuration(root: string, host: string, port: number): string {
  const own = process.getuid?.() === 0 ? 'user root;\n' : ''
  return `${own}daemon off;
pid ${root}/nginx.pid;
error_log ${root}/nginx.log;
events {}
http {
  access_log off;
  client_body_temp_path ${root}/parts;
  proxy_temp_path ${root}/proxy;
  fastcgi_temp_path ${root}/fastcgi;
  uwsgi_temp_path ${root}/uwsgi;
  scgi_temp_path ${root}/scgi;
  server {
    listen ${host}:${port};
    location /deploys/ {
      alias ${root}/files/;
      auth_basic deploys;
      auth_basic_user_file ${root}/users;
      client_max_body_size 0;
      dav_methods PUT DELETE;
      create_full_put_path on;
      autoindex on;
      autoindex_format json;
    }
  }
}
`
}

function accepts(host: string, port: number): Promise<boolean> {
  return new Promise((done) => {
    const socket = connect(port, host)
    socket.once('connect', () => {
      socket.destroy()
      done(true)
    })
    socket.once('error', () => done(false))
  })
}
