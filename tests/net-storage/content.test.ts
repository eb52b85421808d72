import { randomBytes } from 'node:crypto'
import { chmod, mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { COMMIT_ONLY, expectGitArchive } from '../support/git-archive.js'
import { Stage } from '../support/stage.js'

let stage: Stage
let shipitfile: string
beforeEach(async () => {
  stage = await Stage.create({ names: ['web1'] })
  shipitfile = await stage.shipitfile('shipitfile.cjs', COMMIT_ONLY)
})
afterEach(() => stage.close())

it('delivers odd names, empty files, modes and links exactly as in git', async () => {
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
  await expectGitArchive(stage)
})
