import { execFile, execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { chmod, mkdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { finished } from 'node:stream/promises'
import { promisify } from 'node:util'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { Stage } from './support/stage.js'

const MEBIBYTE = 1 << 20

/** Deploys without a build, so that the release is the commit and nothing else. */
const SHIPITFILE = `
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

let stage: Stage
let shipitfile: string
beforeEach(async () => {
  stage = await Stage.create({ names: ['web1'] })
  shipitfile = await stage.shipitfile('shipitfile.cjs', SHIPITFILE)
})
afterEach(() => stage.close())

/** What `git archive` holds, unpacked by tar, against what the server has: names, kinds, modes, content, link targets. */
async function assertSameAsGitArchive(): Promise<void> {
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

it('delivers odd names, empty files, modes and links as they are in git', async () => {
  const root = stage.app.directory
  const names = [
    'with space',
    "it's",
    '"double" quotes',
    '$(touch pwned)',
    '`touch pwned`',
    '-rf',
    '--checkpoint-action=exec=sh',
    'new\nline',
    'tab\there',
    'back\\slash',
    'ünïcödé ☃ 日本語',
    '*',
    'dir with space/$HOME/deep',
    `${'long-'.repeat(40)}name`,
  ]
  for (const name of names) {
    await mkdir(join(root, name, '..'), { recursive: true })
    await writeFile(join(root, name), `content of ${name}`)
  }
  await writeFile(join(root, 'empty'), '')
  await writeFile(join(root, 'binary'), randomBytes(100_000))
  await writeFile(join(root, 'run me'), '#!/bin/sh\n')
  await chmod(join(root, 'run me'), 0o755)
  await symlink('with space', join(root, 'link'))
  await symlink('no/such/file', join(root, 'dangling'))
  await symlink('dir with space', join(root, 'link to folder'))
  await symlink('/etc/hostname', join(root, 'absolute link'))
  await writeFile(join(root, '.gitattributes'), 'ignored export-ignore\n')
  await writeFile(join(root, 'ignored'), 'not in the archive')
  await stage.app.commit({}, 'Odd names')

  const { status, output } = await stage.run('deploy', {}, shipitfile)
  expect(output).toContain('is live on 1 server.')
  expect(status).toBe(0)
  await assertSameAsGitArchive()
})

it('delivers 20,000 small files and a file of 300 MB, with under 300 MB of memory', async () => {
  const root = stage.app.directory
  for (let folder = 0; folder < 200; folder += 1) {
    const path = join(root, `files/${folder}`)
    await mkdir(path, { recursive: true })
    await Promise.all(
      Array.from({ length: 100 }, (_, index) => writeFile(join(path, String(index)), `${folder}/${index}`)),
    )
  }
  const big = createWriteStream(join(root, 'big'))
  // Half of it can't be compressed.
  for (let part = 0; part < 150; part += 1) {
    const random = randomBytes(MEBIBYTE)
    for (const half of [random, Buffer.alloc(MEBIBYTE, random.subarray(0, 64))]) {
      if (!big.write(half)) await once(big, 'drain')
    }
  }
  big.end()
  await finished(big)
  await stage.app.commit({}, 'Much')

  // Peak memory of the deploy's own process, as the kernel counted it, in kilobytes.
  const peak = join(stage.directory, 'peak')
  const probe = `process.on('exit', () => require('fs').writeFileSync('${peak}', String(process.resourceUsage().maxRSS)))`
  const measured = await stage.shipitfile('measured.cjs', `${SHIPITFILE}\n${probe}`)
  const { status, output } = await stage.run('deploy', {}, measured)
  expect(output).toContain('is live on 1 server.')
  expect(status).toBe(0)
  const megabytes = Number(await readFile(peak, 'utf8')) / 1000
  console.log(`Peak memory of the deploy of a 300 MB file and 20,000 small ones: ${megabytes.toFixed(0)} MB.`)
  expect(megabytes).toBeLessThan(300)
  await assertSameAsGitArchive()
}, 300_000)
