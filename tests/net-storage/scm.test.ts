import { Git } from 'shipit-net-storage'
import { scmContract } from 'shipit-net-storage/testing'
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { createGitRepository } from '../../testbed/git-repository.js'

describe('git', () => {
  scmContract({
    it,
    create: (options) => new Git(options),
    createRepository: createGitRepository,
    brokenUrl: 'http://deploy:canary-password@127.0.0.1:1/shop.git',
    subjectFormat: '%s',
  })

  it('lets several deploys create and repair one mirror concurrently', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'git-'))
    try {
      await mkdir(join(folder, 'repository'))
      const repository = await createGitRepository(join(folder, 'repository'))
      await writeFile(join(folder, 'repository/file'), '1')
      const revision = await repository.commit('First')
      const mirrorPath = join(folder, 'copies/mirror')
      const deploy = async (): Promise<string> => {
        const git = new Git({
          repositoryUrl: repository.url,
          mirrorPath,
          signal: () => new AbortController().signal,
        })
        await git.check('main')
        await git.update('main')
        return git.resolve('main')
      }
      const all = (): Promise<PromiseSettledResult<string>[]> =>
        Promise.allSettled([deploy(), deploy(), deploy()])
      const good = Array.from({ length: 3 }, () => ({ status: 'fulfilled', value: revision }))
      expect(await all()).toEqual(good)
      await rm(join(mirrorPath, 'objects'), { recursive: true })
      expect(await all()).toEqual(good)
      expect(await readdir(join(folder, 'copies'))).toEqual(['mirror'])
    } finally {
      await rm(folder, { recursive: true })
    }
  })
})
