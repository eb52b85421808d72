import { Git } from 'shipit-net-storage'
import { scmContract } from 'shipit-net-storage/testing'
import { describe, it } from 'vitest'
import { createGitRepository } from '../testbed/git-repository.js'

describe('git', () => {
  scmContract({
    it,
    create: (options) => new Git(options),
    createRepository: createGitRepository,
    brokenUrl: 'http://deploy:canary-password@127.0.0.1:1/shop.git',
    subjectFormat: '%s',
  })
})
