import { chmod, mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { Stage } from '../support/stage.js'

/** The example, with a user's hook after the first checks. */
const SHIPITFILE = `
import capistrano from 'shipit-capistrano'
import example from './shipitfile'
export default shipit => {
  example(shipit)
  const { before } = capistrano(shipit)
  before('deploy:check:linked_files', 'site:close', () => shipit.log('The site is closed.'))
}
`

const NAMES = ['web1', 'web2', 'web3', 'web4']

let stage: Stage
let shipitfile: string
beforeAll(async () => {
  stage = await Stage.create({ names: NAMES, unprivileged: NAMES })
  shipitfile = await stage.shipitfile('checks.ts', SHIPITFILE)
  await stage.run('deploy', { DEPLOY_TO: '~/srv/shop' })
})
afterAll(() => stage.close())

/** Folders whose modes a test changed. */
const closed: string[] = []
const close = async (path: string): Promise<void> => {
  closed.push(path)
  await chmod(path, 0o555)
}
afterEach(async () => {
  for (const path of closed.splice(0)) await chmod(path, 0o755)
})

const count = (text: string, part: string): number => text.split(part).length - 1

it("deploys into the user's home, not into a folder named '~'", async () => {
  expect(await stage.live()).not.toContain(undefined)
  expect(await readdir(stage.fleet.host('web1').home)).toEqual(['srv'])
})

it('reports all problems with servers, repository, storage and settings in one error', async () => {
  const before = await stage.live()
  await close(stage.path('web2'))
  await close(stage.path('web3'))
  await stage.fleet.host('web4').stop()
  const { status, output } = await stage.run(
    'deploy',
    { BRANCH: 'mian', S3_BUCKET: 'no-such-bucket' },
    shipitfile,
  )
  await stage.fleet.host('web4').start()

  expect(status).toBe(1)
  const error = output.slice(output.indexOf('The checks found 4 problems'))
  expect(error).toMatch(/There is no branch, tag or commit 'mian'.*\[E_BRANCH\]/)
  expect(error).toMatch(/no-such-bucket.*\[E_S3_BUCKET\]/s)
  expect(error).toContain('web2, web3: cannot write to srv/shop: check its owner and mode')
  expect(error).toContain('web4: cannot connect with ssh')
  expect(error).toContain('[E_CHECK]')
  for (const part of ["commit 'mian'", 'cannot write to srv/shop:', 'cannot connect with ssh'])
    expect(count(output, part)).toBe(1)
  // The user's own task is not a check: it does not run after a problem was found.
  expect(output).not.toContain('The site is closed.')
  expect(output).toContain("Failed in 'deploy:check'.")
  expect(output).toContain("Finished 'deploy:unlock'")
  expect(output).not.toMatch(/eval:|^\s+at /m)
  expect(await stage.live()).toEqual(before)
})

it.each([['releases'], ['net_storage_archives']])(
  'reports before anything is built that %s is not writable',
  async (folder) => {
    await stage.app.commit({ VERSION: `${folder}\n` }, 'Not deployed')
    await close(stage.path('web2', folder))
    const { status, output } = await stage.run('deploy')
    expect(status).toBe(1)
    expect(output).toMatch(new RegExp(`1 of 4 servers failed:\\s+web2: cannot write to srv/shop/${folder}: `))
    expect(output).not.toMatch(/eval:|Building an archive/)
  },
)

it('reports an archivesPath elsewhere that is not writable, also in net_storage:check alone', async () => {
  const folder = join(stage.directory, 'archives')
  await mkdir(folder, { mode: 0o555 })
  const elsewhere = await stage.shipitfile(
    'elsewhere.ts',
    `import example from './shipitfile'
     export default shipit => { example(shipit); shipit.config.netStorage.archivesPath = '${folder}/shop' }`,
  )
  const { status, output } = await stage.run('net_storage:check', { BRANCH: 'mian' }, elsewhere)
  expect(status).toBe(1)
  expect(output).toContain('The checks found 2 problems')
  expect(output).toContain("commit 'mian'")
  expect(output).toContain(`web1, web2, web3, web4: mkdir: cannot create directory '${folder}/shop'`)
})
