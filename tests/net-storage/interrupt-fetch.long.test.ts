import { execFileSync } from 'node:child_process'
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { killMarked } from '../../testbed/process-tree.js'
import type { ShipitRun } from '../../testbed/shipit.js'
import { Stage } from '../support/stage.js'
import { WITH_SETTINGS } from '../support/with-settings.js'

/** A git-upload-pack that stalls midway and signals it. */
const STALLING = `#!/bin/sh
git-upload-pack "$1" | { dd bs=8192 count=40 2>/dev/null; read -r more || exit; echo stalled >"$0.stalls"; exec cat "$0.gate"; }
`

let stage: Stage
let shipitfile: string
let local: string
let trace: string
let slow: string
let settings: object
beforeAll(async () => {
  stage = await Stage.create({ names: ['web1'] })
  shipitfile = await stage.shipitfile('access.ts', WITH_SETTINGS)
  local = join(stage.directory, '.local_net_storage')
  trace = join(stage.directory, 'trace')
  slow = join(stage.directory, 'slow-upload-pack')
  await writeFile(slow, STALLING, { mode: 0o755 })
  execFileSync('mkfifo', [`${slow}.stalls`, `${slow}.gate`])
  const { fleet, app } = stage
  await app.git('config', 'core.bigFileThreshold', '1')
  settings = {
    gitConfig: {
      'core.sshCommand': `ssh -i '${fleet.key}' -o UserKnownHostsFile='${fleet.knownHosts}' -o IdentitiesOnly=yes`,
    },
  }
})
afterAll(async () => {
  await stage.close()
})

const environment = (config: object = {}): NodeJS.ProcessEnv => {
  const { fleet, app } = stage
  const { host, port } = fleet.host('web1')
  const { gitConfig } = settings as { gitConfig: object }
  return {
    REPOSITORY_URL: `ssh://${fleet.user}@${host}:${port}${app.directory}`,
    SETTINGS: JSON.stringify({ gitConfig: { ...gitConfig, ...config } }),
  }
}

/** Starts a deploy, and resolves when its git waits for the rest of a pack. */
async function stalled(): Promise<{ run: ShipitRun; mark: string }> {
  await rm(trace, { recursive: true, force: true })
  await mkdir(trace)
  const mark = `STALLED=${stage.directory}`
  const run = stage.start(
    'deploy',
    {
      ...environment({ 'remote.shipit.uploadpack': slow }),
      GIT_TRACE2_EVENT: trace,
      STALLED: stage.directory,
    },
    shipitfile,
  )
  await readFile(`${slow}.stalls`)
  return { run, mark }
}

/** How many times git fetch was run. */
async function fetches(): Promise<number> {
  const names = await readdir(trace)
  const events = (await Promise.all(names.map((name) => readFile(join(trace, name), 'utf8')))).join('')
  return events.split('\n').filter((line) => /"event":"start".*"argv":\["git","fetch"/.test(line)).length
}

it.each(['SIGINT on a terminal', 'SIGTERM'])(
  'starts nothing after %s, leaves nothing behind, and does not recreate the mirror',
  async (signal) => {
    // The first time, there is no mirror yet.
    if (signal === 'SIGTERM') await stage.run('deploy', environment(), shipitfile)
    const big = Array.from({ length: 60_000 }, () => Math.random()).join('\n')
    await stage.app.commit({ 'big.txt': big }, 'Takes a while')
    const { run, mark } = await stalled()
    if (signal === 'SIGTERM') run.kill('SIGTERM')
    else run.interrupt()
    expect(await run.ended).toBe(signal === 'SIGTERM' ? 143 : 130)
    expect(await fetches()).toBe(1)
    expect(killMarked(mark)).toEqual([])
    expect((await readdir(local)).filter((name) => name.startsWith('mirror.'))).toEqual([])
    expect(run.output).not.toMatch(/Can't fetch|failed too|^\s+at /m)
    expect(await stage.locks()).toEqual([])
  },
)

it("net_storage:cleanup removes a killed deploy's mirror, but not a running deploy's", async () => {
  // Broken, so a new one is fetched beside it.
  await rm(join(local, 'mirror/objects'), { recursive: true })
  const { run, mark } = await stalled()
  const beside = async (): Promise<string[]> =>
    (await readdir(local)).filter((name) => name.startsWith('mirror.new'))
  const [left = ''] = await beside()
  expect(left).not.toBe('')
  const cleanUp = (): Promise<{ status: number | string }> =>
    stage.run('net_storage:cleanup', environment(), shipitfile)
  expect((await cleanUp()).status).toBe(0)
  expect(await beside()).toEqual([left])
  run.kill('SIGKILL')
  await run.ended
  killMarked(mark)
  expect((await cleanUp()).status).toBe(0)
  expect(await beside()).toEqual([])
})
