import { expect, it } from 'vitest'
import { partsOf } from './parts.js'

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
