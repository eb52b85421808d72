import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'

const ROOT = join(import.meta.dirname, '../..')

/** Paths in CONTRIBUTING.md's map, relative to the root. */
function mapped(): string[] {
  const [, map = ''] =
    /```\n(packages\/[\s\S]*?)```/.exec(readFileSync(join(ROOT, 'CONTRIBUTING.md'), 'utf8')) ?? []
  let above = ''
  return map
    .trimEnd()
    .split('\n')
    .map((line) => {
      const [name = ''] = line.trim().split(/\s+/)
      if (!line.startsWith(' ')) above = name
      return line.startsWith(' ') && above.startsWith('packages/') ? join(above, name) : name
    })
}

/** The repository's folders, two levels deep, plus those of the packages' sources. */
function folders(): string[] {
  const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '-z'], {
    cwd: ROOT,
    encoding: 'utf8',
  }).split('\0')
  const wanted = [
    /^[^/]+\//,
    /^tests\/[^/]+\//,
    /^docs\/[^/]+\//,
    /^packages\/[^/]+\//,
    /^packages\/[^/]+\/(server|src)\/[^/]+\//,
  ]
  return [...new Set(files.flatMap((file) => wanted.flatMap((pattern) => pattern.exec(file)?.[0] ?? [])))]
}

it("CONTRIBUTING.md's map lists only existing paths", () => {
  expect(mapped().filter((path) => !existsSync(join(ROOT, path)))).toEqual([])
})

it("CONTRIBUTING.md's map lists every folder", () => {
  const shown = mapped().map((path) => path.replace(/\/$/, ''))
  const missing = folders()
    .map((folder) => folder.replace(/\/$/, ''))
    .filter((folder) => !shown.some((path) => path === folder || path.startsWith(`${folder}/`)))
  expect(missing).toEqual([])
})
