import { format, type DebugLogger } from 'node:util'
import { expect, it } from 'vitest'
import { traced } from './traced.js'

function listener(enabled = true): { log: DebugLogger; lines: string[] } {
  const lines: string[] = []
  const log = (...words: unknown[]): void => void lines.push(format(...words).replace(/\d+ ms$/, 'N ms'))
  return { log: Object.assign(log, { enabled }), lines }
}

it('logs what was done with its outcome, and returns the result', async () => {
  const { log, lines } = listener()
  expect(await traced(log, 'count', async () => 3)).toBe(3)
  await traced(
    log,
    'count',
    async () => 3,
    (found) => `${found} found`,
  )
  expect(lines).toEqual(['count: done, N ms', 'count: 3 found, N ms'])
})

it('logs only the code and status of a failure', async () => {
  const { log, lines } = listener()
  const error = Object.assign(new Error('s3cr3t'), { name: 'E_SERVER', status: 3 })
  const fail = traced(log, 'it', () => Promise.reject(error))
  await expect(fail).rejects.toBe(error)
  expect(lines).toEqual(['it: failed with E_SERVER, status 3, N ms'])
})

it('removes user and password from URLs', async () => {
  const { log, lines } = listener()
  await traced(log, 'git clone https://me:s3cr3t@example.com/shop.git ssh://s3cr3t@host/x', async () => {})
  expect(lines).toEqual(['git clone https://example.com/shop.git ssh://host/x: done, N ms'])
})

it('logs nothing unless enabled', async () => {
  const { log, lines } = listener(false)
  expect(await traced(log, 'count', async () => 3)).toBe(3)
  expect(lines).toEqual([])
})
