import { readdirSync, readFileSync } from 'node:fs'
import { exitStatus } from 'shipit-capistrano'
import { expect, it } from 'vitest'

const PACKAGES = ['capistrano', 'net-storage']

/** Server scripts, split into head comment and body. */
const SCRIPTS = PACKAGES.flatMap((name) => {
  const folder = new URL(`../../../${name}/server/`, import.meta.url)
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.sh'))
    .map((file) => {
      const text = readFileSync(new URL(file, folder), 'utf8')
      const head = /^(#.*\n)+/.exec(text)?.[0] ?? ''
      const body = text.slice(head.length).replaceAll(/^\s*#.*$/gm, '')
      return { path: `${name}/server/${file}`, file, head, body }
    })
})

const TABLE = SCRIPTS.find(({ file }) => file === 'lib/statuses.sh')?.body ?? ''
const STATUSES = [...TABLE.matchAll(/^(E_\w+)=(\d+)/gm)].map(([, name = '', number]) => ({ name, number }))

const matches = (text: string, pattern: RegExp): string[] =>
  [...text.matchAll(pattern)].map(([, name = '']) => name)

it('has one table of unique exit statuses, all of them used', () => {
  expect(STATUSES.length).toBeGreaterThan(10)
  expect(new Set(STATUSES.map(({ number }) => number)).size).toBe(STATUSES.length)
  const used = new Set(
    SCRIPTS.filter(({ body }) => body !== TABLE).flatMap(({ body }) => matches(body, /\$\{?(E_\w+)/g)),
  )
  expect([...used].sort()).toEqual(STATUSES.map(({ name }) => name).sort())
  for (const { name, number } of STATUSES) expect(exitStatus(name)).toBe(Number(number))
})

it.each(SCRIPTS.map(({ path, head, body }) => [path, head, body] as const))(
  '%s lists in its head the names that it uses from other files',
  (_, head, body) => {
    const taken = new Set(matches(body.replaceAll(/'[^'\n]*'/g, ''), /\$\{?#?([a-z]\w*)/g))
    const own = new Set([
      ...matches(body, /\b([a-z]\w*)=/g),
      ...matches(body, /\bfor ([a-z]\w*)/g),
      ...matches(body, /\bread (?:-r )?([a-z]\w*)/g),
      ...matches(body, /\bread (?:-r )?[a-z]\w* ([a-z]\w*)/g),
    ])
    // A library's head lists what the library itself uses; `deploy_to` is available everywhere.
    const libraries = matches(head, /\b(lib\/\w+\.sh)/g)
    const named = [
      head,
      'deploy_to',
      ...SCRIPTS.filter(({ file }) => libraries.includes(file)).map((each) => each.head),
    ].join(' ')
    const unnamed = [...taken].filter((name) => !own.has(name) && !new RegExp(`\\b${name}\\b`).test(named))
    expect(unnamed).toEqual([])
  },
)
