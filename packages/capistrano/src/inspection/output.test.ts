import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import type { Print } from './output.js'

let written: string[]
beforeEach(() => {
  written = []
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => written.push(String(text)) > 0)
})
afterEach(() => {
  vi.restoreAllMocks()
  vi.unstubAllEnvs()
})

/** What a process prints with this format. */
async function printer(
  format: string | undefined,
): Promise<{ readonly print: Print; readonly log: string[] }> {
  vi.stubEnv('FORMAT', format)
  vi.resetModules()
  const { createPrint } = await import('./output.js')
  const log: string[] = []
  return { print: createPrint((line) => log.push(line)), log }
}

const data = { a: 1 }
const lines = (): string[] => ['a: 1', 'b: 2']
const page = (): string => '<!doctype html>\n'

it('prints lines in the log', async () => {
  const { print, log } = await printer(undefined)
  print(data, lines, page)
  expect(log).toEqual(['\na: 1\nb: 2\n'])
  expect(written).toEqual([])
})

it.each([
  ['json', '{\n  "a": 1\n}\n'],
  ['html', '<!doctype html>\n'],
])('prints %s alone on standard output', async (format, expected) => {
  const noise = vi.spyOn(process.stderr, 'write').mockReturnValue(true)
  const { print, log } = await printer(format)
  process.stdout.write('noise')
  print(data, lines, page)
  expect(written).toEqual([expected])
  expect(log).toEqual([])
  expect(noise).toHaveBeenCalledWith('noise')
})

it('refuses HTML for a task that has none, and prints nothing', async () => {
  const { print } = await printer('html')
  expect(() => print(data, lines)).toThrow(expect.objectContaining({ code: 'E_FORMAT' }))
  expect(written).toEqual([])
})
