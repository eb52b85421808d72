import { expect, it } from 'vitest'
import { Lines } from './lines.js'

function split(...chunks: readonly (string | Buffer)[]): string[] {
  const taken: string[] = []
  const lines = new Lines((line) => taken.push(line))
  for (const chunk of chunks) lines.write(Buffer.from(chunk))
  lines.end()
  return taken
}

it('ends lines at LF, CR LF and CR, wherever the output is cut', () => {
  expect(split('a\nb\r\nc\rd')).toEqual(['a', 'b', 'c', 'd'])
  expect(split('a\r', '\nb\r', 'c')).toEqual(['a', 'b', 'c'])
  expect(split('\n\n', 'x\n')).toEqual(['', '', 'x'])
})

it('keeps characters whole', () => {
  const [first, second] = [Buffer.from('☃').subarray(0, 1), Buffer.from('☃').subarray(1)]
  expect(split(first, second)).toEqual(['☃'])
})
