import { expect, it } from 'vitest'
import { cutIntoParts, partsOf } from './parts.js'

const [MEBIBYTE, GIBIBYTE] = [2 ** 20, 2 ** 30]

it.each([
  [undefined, 8, 4],
  [GIBIBYTE, 8, 4],
  [78 * GIBIBYTE, 8, 4],
  [79 * GIBIBYTE, 9, 4],
  [1000 * GIBIBYTE, 103, 1],
  [5000 * GIBIBYTE, 512, 1],
])('fits %d bytes into 10,000 parts', (sizeHint, mebibytes, queueSize) => {
  const parts = partsOf({}, sizeHint)
  expect(parts).toEqual({ partSize: mebibytes * MEBIBYTE, queueSize })
  expect(Math.ceil((sizeHint ?? 0) / parts.partSize)).toBeLessThanOrEqual(10_000)
})

it('takes the size that is set unless it is too small', () => {
  expect(partsOf({ partSize: 64 * MEBIBYTE, queueSize: 8 }, GIBIBYTE)).toEqual({
    partSize: 64 * MEBIBYTE,
    queueSize: 8,
  })
})

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
])('cuts chunks of %j bytes into parts of %j, the same bytes', async (chunks, lengths) => {
  let byte = 0
  const content = async function* (): AsyncGenerator<Uint8Array> {
    for (const length of chunks) yield Buffer.from(Array.from({ length }, () => (byte += 1)))
  }
  const parts: Buffer[] = []
  for await (const part of cutIntoParts(content(), 4, () => Buffer.alloc(4))) parts.push(part)
  expect(parts.map(({ length }) => length)).toEqual(lengths)
  expect(Buffer.concat(parts)).toEqual(Buffer.from(Array.from({ length: byte }, (_, index) => index + 1)))
})
