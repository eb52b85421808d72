import { execFile } from 'node:child_process'
import { mkdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { Daemon } from './daemon.js'
import { findProgram } from './find-program.js'
import { freeAddress } from './free-address.js'
import { accepts } from './accepts.js'
import { startNginx, writeUser } from './nginx.js'

const run = promisify(execFile)

const READY_SECONDS = 20

/** A request's CGI parameters. */
const REQUEST = `fastcgi_param REQUEST_METHOD $request_method;
      fastcgi_param QUERY_STRING $query_string;
      fastcgi_param CONTENT_TYPE $content_type;
      fastcgi_param CONTENT_LENGTH $content_length;
      fastcgi_param REMOTE_USER $remote_user;`

/** A password-protected web server with git repositories and their Git LFS files. */
export interface GitWeb {
  /** URL of a repository, with user and password. */
  url(name: string): string
  /** User and password, encoded for basic authentication. */
  readonly authorization: string
  /** Path of its self-signed certificate. */
  readonly certificate: string
  /** Creates an empty repository. */
  create(name: string): Promise<void>
  stop(): Promise<void>
}

/** Starts nginx with `git http-backend` over https. Needs no root. */
export async function startGitWeb(directory: string): Promise<GitWeb> {
  const root = resolve(directory)
  const { host, port } = await freeAddress()
  const cgi = await freeAddress()
  // Characters that git has to decode from a URL and pass on unchanged.
  const [user, password] = ['deploy@example.com', 'canary/p@ss word %$"']
  const certificate = join(root, 'certificate.pem')
  await mkdir(join(root, 'objects'), { recursive: true })
  await mkdir(join(root, 'repositories'))
  await writeUser(join(root, 'users'), user, password)
  await selfSign(host, certificate, join(root, 'key.pem'))

  const { stdout } = await run('git', ['--exec-path'])
  const server = `    ssl_certificate ${certificate};
    ssl_certificate_key ${root}/key.pem;
    auth_basic git;
    auth_basic_user_file ${root}/users;
    client_max_body_size 0;
    location /objects/ {
      root ${root};
      dav_methods PUT;
      create_full_put_path on;
    }
    location ~ ^/(?<repository>[^/]+)/info/lfs/objects/batch$ {
      fastcgi_param LFS_OBJECTS https://${host}:${port}/objects/$repository;
      fastcgi_param SCRIPT_FILENAME ${fileURLToPath(new URL('lfs-batch.mjs', import.meta.url))};
      ${REQUEST}
      fastcgi_pass ${cgi.host}:${cgi.port};
    }
    location / {
      fastcgi_param GIT_HTTP_EXPORT_ALL 1;
      fastcgi_param GIT_PROJECT_ROOT ${root}/repositories;
      fastcgi_param PATH_INFO $uri;
      fastcgi_param SCRIPT_FILENAME ${stdout.trim()}/git-http-backend;
      ${REQUEST}
      fastcgi_pass ${cgi.host}:${cgi.port};
    }
`
  const wrap = Daemon.start({
    command: await findProgram('fcgiwrap'),
    args: ['-s', `tcp:${cgi.host}:${cgi.port}`, '-c', '4'],
    log: join(root, 'fcgiwrap.log'),
  })
  await wrap.untilReady(() => accepts(cgi.host, cgi.port), READY_SECONDS)
  const nginx = await startNginx({ directory: root, host, port, server, listen: 'ssl' })
  const login = `${encodeURIComponent(user)}:${encodeURIComponent(password)}`
  return {
    url: (name) => `https://${login}@${host}:${port}/${name}`,
    authorization: Buffer.from(`${user}:${password}`).toString('base64'),
    certificate,
    async create(name) {
      await run('git', ['init', '--quiet', '--bare', '-b', 'main', join(root, 'repositories', name)])
    },
    async stop() {
      await nginx.stop()
      await wrap.stop()
    },
  }
}

async function selfSign(host: string, certificate: string, key: string): Promise<void> {
  const name = ['-subj', `/CN=${host}`, '-addext', `subjectAltName=IP:${host}`]
  const kind = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-noenc', '-days', '1']
  await run('openssl', ['req', ...kind, ...name, '-out', certificate, '-keyout', key])
}
