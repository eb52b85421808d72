import { expect, it } from 'vitest'
import { blocks } from './blocks.js'

it.each([
  [[], []],
  [[3], [3]],
  [[4], [4]],
  [[5], [4, 1]],
  [
    [1, 1, 1, 1, 1],
    [4, 1],
  ],
  [
    [0, 9, 0, 3],
    [4, 4, 4],
  ],
])('regroups chunks of %j bytes into blocks of %j, with the same bytes', async (chunks, lengths) => {
  let byte = 0
  const content = async function* (): AsyncGenerator<Uint8Array> {
    for (const length of chunks) yield Buffer.from(Array.from({ length }, () => (byte += 1)))
  }
  const regrouped: Buffer[] = []
  for await (const block of blocks(content(), { size: 4 })) regrouped.push(block)
  expect(regrouped.map(({ length }) => length)).toEqual(lengths)
  expect(Buffer.concat(regrouped)).toEqual(Buffer.from(Array.from({ length: byte }, (_, index) => index + 1)))
})
