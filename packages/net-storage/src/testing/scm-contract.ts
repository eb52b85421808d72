import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, symlink, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join, relative } from 'node:path'
import type { Scm, ScmOptions } from '../scm/scm.js'

/** A repository to deploy from, which the contract changes. */
export interface ScmRepository {
  /** Its URL, as `repositoryUrl`. */
  readonly url: string
  /** Its working copy, in which the contract writes and removes files. */
  readonly directory: string
  /** Commits the working copy, including new and removed files. Returns the revision. */
  commit(message: string): Promise<string>
  /** Switches to a new branch, which starts at the newest commit. */
  branch(name: string): Promise<void>
  /** Tags the newest commit. */
  tag(name: string): Promise<void>
  /** Removes the newest commit of the branch, which rewrites history. */
  rewind(): Promise<void>
}

/** Options of {@link scmContract}. */
export interface ScmContractOptions {
  /** The test runner's `it` or `test`: vitest's, jest's, mocha's, `node:test`'s. */
  readonly it: (name: string, run: () => Promise<void>) => unknown
  readonly create: (options: ScmOptions) => Scm
  /** Creates a repository without commits in an existing, empty folder. The first commit is on the branch `main`. */
  readonly createRepository: (directory: string) => Promise<ScmRepository>
  /** URL without a repository, which contains the password `canary-password` if URLs may contain one. */
  readonly brokenUrl: string
  /** `format` for {@link Scm.log} that prints a commit's subject. */
  readonly subjectFormat: string
}

interface Setting {
  /** The test's folder. */
  readonly folder: string
  readonly repository: ScmRepository
  /** Creates an SCM; those with the same `name` share a copy. */
  readonly scm: (options?: Partial<ScmOptions> & { readonly name?: string }) => Scm
  /** Writes files by path, and commits. */
  readonly commit: (files: Readonly<Record<string, string>>, message?: string) => Promise<string>
}

// Some SCMs allow no spaces in names.
const ODD = 'feature/it\'s-"$(touch${IFS}pwned)"-`touch${IFS}pwned`-ünï-☃'

/** The tests that every SCM has to pass, for any runner. Needs `diff` and GNU `find`. */
export function scmContract({
  it,
  create,
  createRepository,
  brokenUrl,
  subjectFormat,
}: ScmContractOptions): void {
  const test = (title: string, run: (setting: Setting) => Promise<void>): unknown =>
    it(title, async () => {
      const folder = await mkdtemp(join(tmpdir(), "scm's $(contract)-"))
      try {
        await mkdir(join(folder, 'repository'))
        const repository = await createRepository(join(folder, 'repository'))
        const scm: Setting['scm'] = ({ name = 'copy', ...options } = {}) =>
          create({
            repositoryUrl: repository.url,
            // As in settings: relative to where the deploy runs.
            mirrorPath: relative('', join(folder, 'copies', name)),
            signal: () => new AbortController().signal,
            ...options,
          })
        const commit: Setting['commit'] = async (files, message = 'A commit') => {
          await write(repository.directory, files)
          return repository.commit(message)
        }
        await run({ folder, repository, scm, commit })
      } finally {
        await rm(folder, { recursive: true, force: true })
      }
    })

  test('finds a branch, a tag and a revision, of any name', async ({ folder, repository, scm, commit }) => {
    const first = await commit({ file: '1' })
    await repository.tag('v1')
    const second = await commit({ file: '2' })
    await repository.branch(ODD)
    const odd = await commit({ file: '3' })
    for (const [branch, revision] of [
      ['main', second],
      ['v1', first],
      [ODD, odd],
      [first, first],
    ] as const) {
      await scm().check(branch)
      const found = await scm().find(branch)
      assert.ok(found === revision || (found === undefined && branch === first), `${branch}: ${found}`)
      await scm().update(branch)
      assert.equal(await scm().resolve(branch), revision, branch)
      assert.match(revision, /^[A-Za-z0-9_.]{1,64}$/)
    }
    assert.deepEqual(await pwned(folder), [])
  })

  test('names what is missing, without a stack', async ({ repository, scm, commit }) => {
    await assert.rejects(scm().check('main'), forPeople('E_REPOSITORY_EMPTY', repository.url))
    await commit({ 'folder/file': '1' })
    await assert.rejects(scm().check('mian'), forPeople('E_BRANCH', 'mian'))
    assert.equal(await scm().find('mian'), undefined)
    await scm().update('mian')
    await assert.rejects(scm().resolve('mian'), forPeople('E_BRANCH', 'mian'))
    const elsewhere = scm({ repoTree: 'folder/none' })
    await assert.rejects(elsewhere.resolve('main'), forPeople('E_REPO_TREE', 'folder/none'))
    await assert.rejects(scm({ repoTree: 'folder/file' }).resolve('main'), forPeople('E_REPO_TREE'))
  })

  test('reports a repository that cannot be read, without its password', async ({ scm }) => {
    const broken = scm({ repositoryUrl: brokenUrl })
    await assert.rejects(broken.check('main'), forPeople('E_REPOSITORY'))
    await assert.rejects(broken.find('main'), forPeople('E_REPOSITORY'))
    await assert.rejects(broken.update('main'), forPeople('E_REPOSITORY'))
  })

  test('never takes a name for an option', async ({ folder, scm, commit }) => {
    await commit({ file: '1' })
    await scm().update('main')
    for (const name of [
      '--upload-pack=touch pwned',
      '--config=alias.identify=!touch pwned',
      '-h',
      '--all',
      '--',
    ]) {
      await assert.rejects(scm().check(name), forPeople('E_BRANCH'), name)
      await assert.rejects(scm().resolve(name), forPeople('E_BRANCH'), name)
    }
    assert.deepEqual(await pwned(folder), [])
  })

  test('updates its copy, even after history is rewritten', async ({ repository, scm, commit }) => {
    for (const content of ['1', '2', '3']) {
      const revision = await commit({ file: content })
      await scm().update('main')
      assert.equal(await scm().resolve('main'), revision)
      if (content === '2') await repository.rewind()
    }
  })

  test('updates a copy that a killed process left broken', async ({ folder, scm, commit }) => {
    await commit({ file: '1' })
    for (const name of ['halved', 'emptied']) {
      await scm({ name }).update('main')
      await damage(join(folder, 'copies', name), name === 'halved' ? rm : truncate)
    }
    const newest = await commit({ file: '2' })
    for (const name of ['halved', 'emptied']) {
      await scm({ name }).update('main')
      assert.equal(await scm({ name }).resolve('main'), newest)
      await scm({ name }).extract(newest, join(folder, name))
      assert.equal(await readFile(join(folder, name, 'file'), 'utf8'), '2')
    }
  })

  test('can be cancelled, and recovers', async ({ scm, commit }) => {
    const revision = await commit({ file: '1' })
    for (const milliseconds of [0, 1, 2, 5, 10, 20, 50]) {
      const signal = AbortSignal.timeout(milliseconds)
      await scm({ signal: () => signal })
        .update('main')
        .catch(() => {})
    }
    await scm().update('main')
    assert.equal(await scm().resolve('main'), revision)
  })

  test('returns the time of a commit, and the log since then', async ({ scm, commit }) => {
    const before = Math.floor(Date.now() / 1000)
    const first = await commit({ file: '1' }, 'First')
    await commit({ file: '2' }, "Second: it's $(odd) `and` %n {node} ünï")
    const third = await commit({ file: '3' }, 'Third')
    await scm().update('main')
    const time = await scm().commitTime(first)
    assert.ok(Number.isInteger(time) && time >= before && time <= Date.now() / 1000, String(time))
    assert.equal(
      await scm().log(first, third, subjectFormat),
      "Third\nSecond: it's $(odd) `and` %n {node} ünï",
    )
    assert.equal(await scm().log(third, third, subjectFormat), '')
  })

  test('reads a file of a commit, byte for byte', async ({ repository, scm, commit }) => {
    const bytes = Buffer.from([0, 255, 10, 13, 10, 128])
    await writeFile(join(repository.directory, 'binary'), bytes)
    const first = await commit({ 'a folder/lock': 'first' })
    await commit({ 'a folder/lock': 'second' })
    await scm().update('main')
    assert.equal(String(await scm().read(first, 'a folder/lock')), 'first')
    assert.deepEqual(Buffer.from((await scm().read(first, 'binary')) ?? []), bytes)
    assert.equal(await scm().read(first, 'a folder'), undefined)
    assert.equal(await scm().read(first, 'none'), undefined)
    assert.equal(String(await scm({ repoTree: 'a folder' }).read(first, 'lock')), 'first')
  })

  test('writes the files of a commit, and nothing else', async ({ folder, repository, scm, commit }) => {
    const { directory } = repository
    for (const name of [
      'with space',
      "it's",
      '$(touch pwned)',
      '`id`',
      '-rf',
      '"quoted"',
      'ünï ☃',
      'sub/odd [$(id)*] folder/deep/file',
    ])
      await write(directory, { [name]: `content of ${name}` })
    await write(directory, { empty: '', 'bin/start': '#!/bin/sh\n' })
    await writeFile(join(directory, 'binary'), Buffer.from([0, 255, 10, 13, 10]))
    await chmod(join(directory, 'bin/start'), 0o755)
    await symlink('bin/start', join(directory, 'link'))
    await symlink('../no such file', join(directory, 'dangling'))
    const revision = await repository.commit('Odd')
    const expected = join(folder, 'expected')
    execFileSync('cp', ['-a', directory, expected])
    await rm(join(directory, 'empty'))
    await commit({ later: 'not in it' })

    for (const name of ['one', 'another']) {
      const target = join(folder, 'targets', name)
      await scm({ name }).update('main')
      await scm({ name }).extract(revision, relative('', target))
      const own = (await readdir(expected)).filter((entry) => /^\.(git|hg|svn|bzr|jj)$/.test(entry))
      for (const entry of own) await rm(join(expected, entry), { recursive: true })
      execFileSync('diff', ['-r', '--no-dereference', expected, target])
      assert.deepEqual(listing(target), listing(expected))
    }
    const part = scm({ name: 'one', repoTree: 'sub/odd [$(id)*] folder/' })
    assert.equal(await part.resolve(revision), revision)
    const below = join(folder, 'below')
    await part.extract(revision, below)
    assert.deepEqual(await readdir(below, { recursive: true }), ['deep', 'deep/file'])

    // leave() removes what a working copy has in addition.
    const workspace = join(folder, 'workspace')
    await scm({ name: 'one' }).checkOut(revision, relative('', workspace))
    await scm({ name: 'one' }).leave(relative('', workspace))
    execFileSync('diff', ['-r', '--no-dereference', expected, workspace])
    assert.deepEqual(listing(workspace), listing(expected))
    await part.checkOut(revision, join(folder, 'workspace below'))
    await part.leave(join(folder, 'workspace below'))
    assert.deepEqual(await readdir(join(folder, 'workspace below'), { recursive: true }), [
      'deep',
      'deep/file',
    ])
  })

  test('rejects a commit that does not exist', async ({ folder, scm, commit }) => {
    const revision = await commit({ file: '1' })
    await scm().update('main')
    const other = revision.replaceAll(/./g, '1')
    await assert.rejects(scm().extract(other, join(folder, 'target')), forPeople('E_SCM', other))
  })
}

function forPeople(code: string, ...words: string[]) {
  return (error: Error & { code?: unknown; showStack?: unknown }): boolean => {
    assert.equal(error.code, code, String(error))
    assert.equal(error.showStack, false)
    for (const word of words) assert.ok(error.message.includes(word), error.message)
    assert.ok(!error.message.includes('canary-password'), error.message)
    return true
  }
}

async function write(root: string, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true })
    await writeFile(join(root, path), content)
  }
}

/** Calls `harm` for every second file, in the order of their names. */
async function damage(root: string, harm: (path: string) => Promise<void>): Promise<void> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
  for (const [index, path] of files.toSorted().entries()) {
    if (index % 2 !== 0) continue
    await chmod(path, 0o600)
    await harm(path)
  }
}

/** Files that exist only if a shell interpreted a name. */
async function pwned(directory: string): Promise<string[]> {
  return (await readdir(directory, { recursive: true })).filter((name) => basename(name) === 'pwned')
}

function listing(root: string): string[] {
  return execFileSync('find', ['.', '-printf', '%P %y %m %l\\0'], { cwd: root, encoding: 'utf8' })
    .split('\0')
    .sort()
}
