import { execFileSync } from 'node:child_process'
import { mkdir, readFile, readlink, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { findProgram } from '../../testbed/find-program.js'
import { Stage } from '../support/stage.js'

/** shipit-deploy's own push deploy with only shipit-capistrano, and hooks that can fail. */
const SHIPITFILE = `
const capistrano = require('shipit-capistrano').default
const { env } = process
module.exports = shipit => {
  const { after, before, on, hosts } = capistrano(shipit)
  const check = (name) => () => {
    if (env.KILL_IN === name) process.kill(process.pid, 'SIGKILL')
    if (env.FAIL_IN === name) throw new Error('made to fail')
  }
  for (const name of ['deploy:updated', 'deploy:published']) after(name, 'check:' + name, check(name))
  before('deploy:publish', 'block', () => env.BLOCK && on(hosts().filter(({ name }) => name === env.BLOCK), (host) =>
    host.execute(['sh', '-c', 'rm -f srv/shop/current && mkdir srv/shop/current'])))
  shipit.initConfig({ production: {
    deployTo: env.DEPLOY_TO, repositoryUrl: env.REPOSITORY_URL, branch: 'main', keepReleases: Number(env.KEEP || 5),
    servers: JSON.parse(env.SERVERS), key: env.SSH_KEY,
  } })
}
`

/** Programs of a server whose mv a test replaces. */
const TOOLS = 'cat cp find flock grep ln mkdir mv readlink rm rsync sh tail'.split(' ')

let stage: Stage
let shipitfile: string
beforeEach(async () => {
  stage = await Stage.create({ names: ['web1', 'web2'], paths: { web2: TOOLS } })
  shipitfile = await stage.shipitfile('rollback.cjs', SHIPITFILE)
})
afterEach(() => stage.close())

type Outcome = { status: number | string; output: string }

const run = (task: string, env: NodeJS.ProcessEnv = {}): Promise<Outcome> => stage.run(task, env, shipitfile)

let commits = 0
/** Deploys a new commit. Returns its id. */
async function deploy(env: NodeJS.ProcessEnv = {}): Promise<string> {
  const revision = await stage.app.commit({ VERSION: `${(commits += 1)}\n` }, `Version ${commits}`)
  expect((await run('deploy', env)).status).toBe(0)
  return revision
}

async function rollback(env: NodeJS.ProcessEnv = {}): Promise<string> {
  const { status, output } = await run('rollback', env)
  expect(output).not.toMatch(/^\s+at /m)
  expect(status).toBe(0)
  return output
}

/** What is live on both servers. */
async function live(): Promise<string | undefined> {
  const [one, two] = await stage.live()
  expect(two).toBe(one)
  return one
}

const current = async (host = 'web1'): Promise<string> => {
  const target = await readlink(stage.path(host, 'current'))
  return target.slice(target.lastIndexOf('/') + 1)
}

it('goes to what was live before, however many deploys failed in between, and never cleans that up', async () => {
  const KEEP = '3'
  const a = await deploy({ KEEP })
  const release = await current()
  const b = await stage.app.commit({ VERSION: 'b\n' }, 'B')
  for (const env of [
    { FAIL_IN: 'deploy:updated' },
    { KILL_IN: 'deploy:updated' },
    { FAIL_IN: 'deploy:updated' },
  ]) {
    expect((await run('deploy', { KEEP, ...env })).status).not.toBe(0)
    expect(await live()).toBe(a)
  }
  // A failed release is removed immediately, a killed one by the next clean-up.
  expect(await stage.releases('web1')).toHaveLength(2)
  expect((await run('deploy', { KEEP })).status).toBe(0)
  expect(await live()).toBe(b)
  const now = await current()
  expect(await stage.releases('web1')).toEqual([release, now])
  expect(await stage.releases('web2')).toEqual([release, now])

  const output = await rollback({ KEEP })
  expect(output).toContain(
    `Rolling back from release ${now} (commit ${b.slice(0, 12)}) to release ${release} (commit ${a.slice(0, 12)}).`,
  )
  expect(await live()).toBe(a)
})

it('goes back two releases when run twice, and then counts from there', async () => {
  const [a, b] = [await deploy(), await deploy()]
  const c = await deploy()
  await rollback()
  expect(await live()).toBe(b)
  await rollback()
  expect(await live()).toBe(a)
  const { status, output } = await run('rollback')
  expect(output).toMatch(
    /Can't roll back: no server has a release that was live before \d{14}\. .*\[E_NO_ROLLBACK\]/,
  )
  expect(status).toBe(1)

  // Keeps the live release and the one that was live before it, though others are newer.
  await deploy({ KEEP: '2' })
  expect(await stage.releases('web1')).toHaveLength(2)
  await rollback()
  expect(await live()).toBe(a)
  expect(c).not.toBe(b)
})

it('counts a release that went live before its deploy failed, and notes if both are the same commit', async () => {
  const a = await deploy()
  const first = await current()
  expect((await run('deploy', { FAIL_IN: 'deploy:published' })).status).toBe(1)
  const second = await current()
  expect(second).not.toBe(first)
  // The status agrees.
  const { output: status } = await run('deploy:status')
  expect(status).toMatch(
    new RegExp(`^web1 +${second} +${a.slice(0, 12)} +\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d +tester`, 'm'),
  )
  expect(await rollback()).toContain('Both are the same commit.')
  expect(await current()).toBe(first)
})

it('goes to a release that was never live only if it is named, and leaves other folders alone', async () => {
  const a = await deploy()
  const mine = ['20200101000000.bak', 'keep-me', '99991231235959.old']
  const never = '20200101000000'
  for (const host of ['web1', 'web2']) {
    for (const name of [...mine, never]) {
      await mkdir(stage.path(host, 'releases', name))
      await writeFile(stage.path(host, 'releases', name, 'REVISION'), `${'f'.repeat(40)}\n`)
    }
    await mkdir(stage.path(host, 'releases/.of-mine-too'))
  }
  expect((await run('rollback')).output).toContain(
    "Can't roll back: no server has a release that was live before",
  )
  expect(await rollback({ ROLLBACK_RELEASE: never })).toContain(
    `Release ${never}, set by ROLLBACK_RELEASE, was never live.`,
  )
  expect(await current()).toBe(never)
  await rollback()
  expect(await live()).toBe(a)
  await deploy({ KEEP: '1' })
  const [release] = [await current()]
  expect(await stage.releases('web1')).toEqual([
    '.of-mine-too',
    ...mine.slice(0, 1),
    release,
    mine[2],
    mine[1],
  ])
  const { output } = await run('deploy:status', { FORMAT: 'json' })
  expect(output).toContain('"releases": 1')
})

it('goes back through releases made by Capistrano', async () => {
  const a = await deploy()
  const made = await current()
  // As Capistrano leaves them: an absolute link, lines in revisions.log, and a failed release.
  for (const host of ['web1', 'web2']) {
    await rm(stage.path(host, '.live'))
    await rm(stage.path(host, 'deploys.jsonl'))
    const releases = ['20300101000000', '20300102000000', '20300103000000']
    for (const [index, name] of releases.entries()) {
      await mkdir(stage.path(host, 'releases', name))
      await writeFile(stage.path(host, 'releases', name, 'REVISION'), `${String(index).repeat(40)}\n`)
    }
    const line = (index: number): string =>
      `Branch main (at ${String(index).repeat(7)}) deployed as release ${releases[index]} by bob\n`
    const log = stage.path(host, 'revisions.log')
    await writeFile(log, (await readFile(log, 'utf8')) + line(0) + line(2))
    await rm(stage.path(host, 'current'))
    await symlink(stage.path(host, 'releases', '20300103000000'), stage.path(host, 'current'))
  }
  await rollback()
  expect(await current()).toBe('20300101000000')
  await rollback()
  expect(await current()).toBe(made)
  expect(await live()).toBe(a)
})

it('reverts the other servers without a trace if one cannot publish', async () => {
  const a = await deploy()
  const first = await current('web1')
  await stage.app.commit({ VERSION: 'x\n' }, 'X')
  const { status, output } = await run('deploy', { BLOCK: 'web2' })
  expect(status).toBe(1)
  expect(output).toMatch(/web2: srv\/shop\/current is not a symbolic link/)
  expect(await readlink(stage.path('web1', 'current'))).toBe(`releases/${first}`)
  expect(await stage.releases('web1')).toEqual([first])
  await rm(stage.path('web2', 'current'), { recursive: true })
  await symlink(`releases/${first}`, stage.path('web2', 'current'))
  const b = await deploy()
  expect(await live()).toBe(b)
  await rollback()
  expect(await live()).toBe(a)
})

it('reports what is unknown if a server is lost while publishing', async () => {
  await deploy()
  const before = await current()
  await stage.app.commit({ VERSION: 'y\n' }, 'Y')
  // Signals before the flip and waits; then the server is stopped.
  const { home } = stage.fleet.host('web2')
  for (const name of ['flipping', 'gate']) execFileSync('mkfifo', [join(home, name)])
  const mv = join(home, '../bin/mv')
  await rm(mv)
  const wait = 'case "$*" in *" current") echo now >"$HOME/flipping"; exec cat "$HOME/gate" ;; esac'
  await writeFile(mv, `#!/bin/sh\n${wait}\nexec ${await findProgram('mv')} "$@"\n`, { mode: 0o755 })
  const deploying = stage.start('deploy', {}, shipitfile)
  await readFile(join(home, 'flipping'))
  await stage.fleet.host('web2').stop()
  expect(await deploying.ended).toBe(1)
  expect(deploying.output).toMatch(
    /web2: lost the connection while publishing: release \d{14} may or may not be live\. .* check with `shipit production deploy:status`, and deploy again/,
  )
  expect(deploying.output).not.toMatch(/::|exited with status 255/)
  expect(await current('web1')).toBe(before)
})
