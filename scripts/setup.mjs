// Prepares a fresh clone for `demo`, `test` or `unit`. Runs before anything is installed, so it only uses Node itself.
import { spawnSync } from 'node:child_process'
import { accessSync, constants, existsSync, readFileSync, statSync } from 'node:fs'
import { delimiter, dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)))

/** Servers are often not on a user's PATH. */
const SERVER_FOLDERS = ['/usr/sbin', '/usr/local/sbin', '/sbin']

/** Programs that the tests' servers run: they lack what a user's own PATH adds, such as an aws installed with pip. */
const ON_SERVERS = new Set(['aws'])
const SSHD_PATH = ['/usr/local/bin', '/usr/bin', '/bin']

/** The Debian and Ubuntu package of each program. */
const SSH_PROGRAMS = {
  sshd: 'openssh-server',
  ssh: 'openssh-client',
  'ssh-keygen': 'openssh-client',
  git: 'git',
  curl: 'curl',
  tar: 'tar',
}
const TEST_PROGRAMS = {
  ...SSH_PROGRAMS,
  aws: 'awscli',
  bash: 'bash',
  bundle: 'bundler',
  busybox: 'busybox',
  ceph: 'radosgw',
  'ceph-mon': 'ceph-mon',
  'ceph-osd': 'ceph-osd',
  fcgiwrap: 'fcgiwrap',
  'git-lfs': 'git-lfs',
  hg: 'mercurial',
  memcached: 'memcached',
  monmaptool: 'ceph-mon',
  nginx: 'nginx',
  openssl: 'openssl',
  radosgw: 'radosgw',
  'radosgw-admin': 'radosgw',
  ps: 'procps',
  rsync: 'rsync',
  ruby: 'ruby',
  setpriv: 'util-linux',
  shasum: 'perl',
  'swift-account-server': 'swift-account',
  'swift-container-server': 'swift-container',
  'swift-object-server': 'swift-object',
  'swift-proxy-server': 'swift-proxy',
  unzip: 'unzip',
  wget: 'wget',
  zstd: 'zstd',
}
/** The last two keep the packages from starting their services: the tests start their own servers. */
const APT_ENVIRONMENT = { DEBIAN_FRONTEND: 'noninteractive', SYSTEMD_OFFLINE: '1', RUNLEVEL: '1' }

const PROGRAMS = { unit: {}, demo: SSH_PROGRAMS, test: TEST_PROGRAMS }

const purpose = process.argv[2] ?? ''
if (!Object.hasOwn(PROGRAMS, purpose)) stop('Usage: node scripts/setup.mjs demo|test|unit')

installDependencies(ROOT)
build()
providePrograms(PROGRAMS[purpose])
// Old Shipit plugins, for the tests that deploy with them.
if (purpose === 'test') installDependencies(join(ROOT, 'tests/existing/plugins'), '--ignore-scripts')

function installDependencies(folder, ...options) {
  const installed = modified(join(folder, 'node_modules/.package-lock.json'))
  if (installed >= modified(join(folder, 'package-lock.json'))) return
  say(`Installing npm packages from ${relative(ROOT, join(folder, 'package-lock.json'))} (npm ci).`)
  run('npm', ['ci', '--prefix', folder, '--include=dev', '--no-audit', '--no-fund', ...options])
}

function build() {
  run(join(ROOT, 'node_modules/.bin/tsc'), ['-b'])
}

function providePrograms(programs) {
  const absent = missing(programs)
  const packages = [...new Set(absent.map((name) => programs[name]))]
  if (packages.length === 0) return

  const debian = isDebian()
  if (!debian || process.getuid?.() !== 0) {
    const command = `sudo apt-get install --no-install-recommends ${packages.join(' ')}`
    const how = debian ? `\`${command}\`` : 'your package manager'
    stop(`Not installed: ${absent.join(', ')}. Install them with ${how}.`)
  }

  say(`Installing Debian packages: ${packages.join(', ')}.`)
  const lock = ['-o', 'DPkg::Lock::Timeout=120']
  run('apt-get', [...lock, 'update'], APT_ENVIRONMENT)
  run('apt-get', [...lock, 'install', '-y', '--no-install-recommends', ...packages], APT_ENVIRONMENT)
  const still = missing(programs)
  if (still.length > 0) stop(`Still missing after installing ${packages.join(', ')}: ${still.join(', ')}.`)
}

function missing(programs) {
  return Object.keys(programs).filter((name) => !isInstalled(name))
}

function isInstalled(name) {
  const own = ON_SERVERS.has(name) ? SSHD_PATH : (process.env.PATH ?? '').split(delimiter)
  return [...own, ...SERVER_FOLDERS].some((folder) => {
    try {
      accessSync(join(folder, name), constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}

function isDebian() {
  const release = '/etc/os-release'
  return existsSync(release) && /^ID(_LIKE)?=.*\b(debian|ubuntu)\b/m.test(readFileSync(release, 'utf8'))
}

function modified(file) {
  return existsSync(file) ? statSync(file).mtimeMs : 0
}

/** Runs a command; prints its output only if it fails. */
function run(command, args, environment = {}) {
  const { status, error, stdout, stderr } = spawnSync(command, args, {
    cwd: ROOT,
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
    encoding: 'utf8',
    maxBuffer: 256 * 1024 * 1024,
  })
  if (status === 0) return
  stop(
    `${stdout ?? ''}${stderr ?? ''}\`${[command, ...args].join(' ')}\` failed${error ? `: ${error.message}` : ''}.`,
  )
}

function say(line) {
  console.log(line)
}

function stop(line) {
  console.error(line)
  process.exit(1)
}
