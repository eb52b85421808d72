import { join } from 'node:path'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { scmContract } from 'shipit-net-storage/testing'
import { expect, it } from 'vitest'
import { Hg } from '../../docs/examples/hg.js'
import { createHgRepository } from '../../testbed/hg-repository.js'
import { Stage } from '../support/stage.js'

scmContract({
  it,
  create: (options) => new Hg(options),
  createRepository: createHgRepository,
  brokenUrl: 'http://deploy:canary-password@127.0.0.1:1/shop',
  subjectFormat: '{desc|firstline}\\n',
})

it('works as netStorage.scm', async () => {
  const stage = await Stage.create({ names: ['web1'] })
  try {
    const directory = join(stage.directory, 'hg')
    await mkdir(directory)
    const repository = await createHgRepository(directory)
    await writeFile(join(directory, 'version'), '1')
    const revision = await repository.commit('Version 1')
    const shipitfile = await stage.shipitfile(
      'hg-shipitfile.ts',
      `import { Hg } from ${JSON.stringify(new URL('../../docs/examples/hg', import.meta.url).pathname)}
       import example from './shipitfile'
       export default shipit => {
         example(shipit)
         shipit.config.gitLogFormat = '{desc|firstline}\\n'
         shipit.config.netStorage.scm = options => new Hg(options)
         shipit.blTask('assets:build', () => {})
       }`,
    )
    const env = { REPOSITORY_URL: repository.url }
    const first = await stage.run('deploy', env, shipitfile)
    expect(first.output).toContain('is live on 1 server.')
    expect(await stage.live()).toEqual([revision])
    expect(await readFile(stage.path('web1', 'current/version'), 'utf8')).toBe('1')

    await writeFile(join(directory, 'version'), '2')
    const second = await repository.commit('Version 2, of Mercurial')
    const pending = await stage.run('pending', env, shipitfile)
    expect(pending.output).toContain('Pending commits:\nVersion 2, of Mercurial\n')
    expect((await stage.run('deploy', env, shipitfile)).status).toBe(0)
    expect(await stage.live()).toEqual([second])
    expect((await stage.run('rollback', env, shipitfile)).status).toBe(0)
    expect(await stage.live()).toEqual([revision])
  } finally {
    await stage.close()
  }
})
