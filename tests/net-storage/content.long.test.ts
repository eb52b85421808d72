import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { finished } from 'node:stream/promises'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { COMMIT_ONLY, expectGitArchive } from '../support/git-archive.js'
import { Stage } from '../support/stage.js'

const MEBIBYTE = 1 << 20

let stage: Stage
beforeEach(async () => {
  stage = await Stage.create({ names: ['web1'] })
})
afterEach(() => stage.close())

it('delivers 20,000 small files and a 300 MB file in less than 300 MB of memory', async () => {
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

  // Peak memory of the deploy's own process, as measured by the kernel, in kilobytes.
  const peak = join(stage.directory, 'peak')
  const probe = `process.on('exit', () => require('fs').writeFileSync('${peak}', String(process.resourceUsage().maxRSS)))`
  const measured = await stage.shipitfile('measured.cjs', `${COMMIT_ONLY}\n${probe}`)
  const { status, output } = await stage.run('deploy', {}, measured)
  expect(output).toContain('is live on 1 server.')
  expect(status).toBe(0)
  const megabytes = Number(await readFile(peak, 'utf8')) / 1000
  console.log(`Peak memory of the deploy of a 300 MB file and 20,000 small ones: ${megabytes.toFixed(0)} MB.`)
  expect(megabytes).toBeLessThan(300)
  await expectGitArchive(stage)
}, 300_000)
