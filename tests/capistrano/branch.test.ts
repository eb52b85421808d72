import { mkdir } from 'node:fs/promises'
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Stage } from '../support/stage.js'

let stage: Stage
let first: string
let second: string
beforeAll(async () => {
  stage = await Stage.create({ names: ['web1'] })
  const { app } = stage
  first = await app.git('rev-parse', 'HEAD')
  await app.git('tag', 'light')
  await app.git('tag', '--annotate', '--message', 'A release', 'annotated')
  second = await app.commit({ VERSION: '2\n' }, 'Version 2')
  await app.git('branch', 'feature/ünï-$(id)')
})
afterAll(() => stage.close())

describe('what can be deployed', () => {
  it.each([
    ['a branch', () => 'main', () => second],
    ['a branch with an odd name', () => 'feature/ünï-$(id)', () => second],
    ['a tag', () => 'light', () => first],
    ['an annotated tag', () => 'annotated', () => first],
    ['a full commit id', () => first, () => first],
    ['a short commit id', () => second.slice(0, 8), () => second],
    ['a full reference', () => 'refs/tags/annotated', () => first],
  ])('%s', async (_, branch, revision) => {
    const { status, output } = await stage.run('deploy', { BRANCH: branch() })
    expect(output).toContain('is live on 1 server.')
    expect(status).toBe(0)
    expect(await stage.live()).toEqual([revision()])
  })
})

describe('what cannot be deployed fails with one clear error, before anything is deployed', () => {
  const refused = async (env: NodeJS.ProcessEnv): Promise<string> => {
    const before = { live: await stage.live(), releases: await stage.releases('web1') }
    const { status, output } = await stage.run('deploy', env)
    expect(status).toBe(1)
    expect({ live: await stage.live(), releases: await stage.releases('web1') }).toEqual(before)
    expect(output).not.toMatch(/^\s+at /m)
    return output
  }

  it('a branch that does not exist', async () => {
    const output = await refused({ BRANCH: 'mian' })
    expect(output).toContain("There is no branch, tag or commit 'mian'")
    expect(output).toContain('main')
  })

  it('a commit id that does not exist', async () => {
    expect(await refused({ BRANCH: 'deadbeef' })).toContain("There is no branch, tag or commit 'deadbeef'")
  })

  it('a branch that begins with a dash', async () => {
    expect(await refused({ BRANCH: '--upload-pack=touch pwned' })).toContain(
      'branch: expected a branch, tag or commit id',
    )
  })

  it('an empty repository', async () => {
    const empty = join(stage.directory, 'empty.git')
    await mkdir(empty)
    execFileSync('git', ['init', '--quiet', '--bare', empty])
    expect(await refused({ REPOSITORY_URL: empty })).toContain('is empty: there is nothing to deploy')
  })

  it('an unreachable repository, without its password in the log', async () => {
    const output = await refused({ REPOSITORY_URL: 'http://user:canary-token@127.0.0.1:1/shop.git' })
    expect(output).toContain("Can't read the repository http://127.0.0.1:1/shop.git")
    expect(output).not.toContain('canary-token')
  })
})
