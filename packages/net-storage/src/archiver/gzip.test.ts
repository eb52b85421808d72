import { execFileSync } from 'node:child_process'
import { buffer } from 'node:stream/consumers'
import { gunzipSync } from 'node:zlib'
import { expect, it } from 'vitest'
import { gzip } from './gzip.js'

it('writes gzip that every reader reads as one stream', async () => {
  const input = Buffer.alloc(5_000_001, 'x')
  const chunks = (async function* () {
    for (let from = 0; from < input.length; from += 70_000) yield input.subarray(from, from + 70_000)
  })()
  const output = await buffer(gzip(chunks))
  expect(gunzipSync(output).equals(input)).toBe(true)
  expect(execFileSync('gzip', ['-dc'], { input: output, maxBuffer: 1e8 }).equals(input)).toBe(true)
})

it('does not depend on how its input is chunked', async () => {
  const input = Buffer.from(Array.from({ length: 2_100_000 }, (_, index) => (index * 7) % 251))
  const cut = async function* (size: number) {
    for (let from = 0; from < input.length; from += size) yield input.subarray(from, from + size)
  }
  expect((await buffer(gzip(cut(1000)))).equals(await buffer(gzip(cut(999_999))))).toBe(true)
})
