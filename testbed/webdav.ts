import { mkdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { freeAddress } from './free-address.js'
import { startNginx, writeUser } from './nginx.js'

/** A web server that accepts uploads. */
export interface WebDavServer {
  /** Without a trailing slash. */
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
  const [user, password] = ['deploy', 'canary-password']
  await writeUser(join(root, 'users'), user, password)
  const server = `    location /deploys/ {
      alias ${root}/files/;
      auth_basic deploys;
      auth_basic_user_file ${root}/users;
      client_max_body_size 0;
      dav_methods PUT DELETE;
      create_full_put_path on;
      autoindex on;
      autoindex_format json;
    }
`
  const daemon = await startNginx({ directory: root, host, port, server })
  return { url: `http://${host}:${port}/deploys`, user, password, stop: () => daemon.stop() }
}
