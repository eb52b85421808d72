import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { cpus, release, totalmem } from 'node:os'
import { fileURLToPath } from 'node:url'

const PACKAGES = [
  'shipit-cli',
  'shipit-deploy',
  'shipit-capistrano',
  'shipit-net-storage',
  'shipit-net-storage-s3',
]

/** Hardware and versions that the results depend on. */
export function describeMachine() {
  return {
    processor: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memoryBytes: totalmem(),
    kernel: release(),
    versions: {
      node: process.version,
      openssh: firstLine('ssh', '-V'),
      rsync: firstLine('rsync', '--version'),
      git: firstLine('git', '--version'),
      radosgw: firstLine('radosgw', '--version'),
      ...Object.fromEntries(PACKAGES.map((name) => [name, packageVersion(name)])),
      commit: firstLine('git', 'rev-parse', 'HEAD'),
    },
  }
}

function firstLine(program: string, ...args: string[]): string {
  const { stdout, stderr } = spawnSync(program, args, { encoding: 'utf8' })
  return `${stdout}${stderr}`.split('\n')[0] ?? ''
}

function packageVersion(name: string): string {
  const path = fileURLToPath(new URL(`../../node_modules/${name}/package.json`, import.meta.url))
  return (JSON.parse(readFileSync(path, 'utf8')) as { version: string }).version
}
