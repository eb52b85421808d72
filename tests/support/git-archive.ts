import { execFile, execFileSync } from 'node:child_process'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect } from 'vitest'
import type { Stage } from './stage.js'

const MEBIBYTE = 1 << 20

/** Deploys without a build: the release is exactly the commit. */
export const COMMIT_ONLY = `
const capistrano = require('shipit-capistrano').default
const netStorage = require('shipit-net-storage').default
const { S3Transport } = require('shipit-net-storage-s3')
const { env } = process
module.exports = shipit => {
  capistrano(shipit)
  netStorage(shipit)
  shipit.initConfig({ production: {
    application: 'shop', deployTo: env.DEPLOY_TO, repositoryUrl: env.REPOSITORY_URL, branch: 'main',
    servers: JSON.parse(env.SERVERS), key: env.SSH_KEY,
    netStorage: { transport: new S3Transport({ bucket: env.S3_BUCKET, region: env.S3_REGION, endpoint: env.S3_ENDPOINT, forcePathStyle: true }) },
  } })
}
`

/** Compares the live release with an unpacked `git archive`: names, types, modes, content and link targets. */
export async function expectGitArchive(stage: Stage): Promise<void> {
  const expected = join(stage.directory, 'expected')
  await mkdir(expected)
  execFileSync('sh', ['-c', 'git -c tar.umask=0022 archive HEAD | tar -xpf - -C "$0"', expected], {
    cwd: stage.app.directory,
  })
  const actual = stage.path('web1', 'current/')
  await promisify(execFile)('diff', [
    '-r',
    '--no-dereference',
    '-x',
    'REVISION',
    '-x',
    'REVISION_TIME',
    expected,
    actual,
  ])
  const list = async (root: string): Promise<string[]> => {
    const { stdout } = await promisify(execFile)(
      'find',
      ['.', '-mindepth', '1', '-printf', String.raw`%P|%y|%m|%l\0`],
      {
        cwd: root,
        maxBuffer: 64 * MEBIBYTE,
      },
    )
    return stdout
      .split('\0')
      .filter((line) => !line.startsWith('REVISION'))
      .sort()
  }
  expect(await list(actual)).toEqual(await list(expected))
}
